// A worker whose workflows do not finish, each in its own way.
//
// Usage: worker.js ADDRESS NAMESPACE QUEUE
//
// The activity `callBank` fails until the file `bank` is in the working directory. Prints `polls` once the
// worker polls. SIGINT ends the worker.

const fs = require('node:fs');
const net = require('node:net');
const { ApplicationFailure } = require('@temporalio/activity');
const { NativeConnection, Worker } = require('@temporalio/worker');

const [address, namespace, taskQueue] = process.argv.slice(2);

// A name with two addresses, as `localhost` often is. Node reports the two errors as one error, which
// has no message.
function connect() {
  const addresses = ['127.0.0.1', '127.0.0.2'].map((address) => ({ address, family: 4 }));
  const lookup = (_name, _options, done) => done(null, addresses);
  return new Promise((_, fail) => net.connect({ host: 'bank', port: 1, lookup }).on('error', fail));
}

async function callBank() {
  if (fs.existsSync('bank')) return 'paid';
  try {
    return await connect();
  } catch (cause) {
    throw new Error('cannot reach the bank', { cause });
  }
}

async function ship(order) {
  if (order !== 'bad') return 'shipped';
  const cause = new RangeError("postcode '00000' is not deliverable\nsecond line");
  const message = `cannot ship order ${order}`;
  throw ApplicationFailure.create({ message, type: 'ShippingError', nonRetryable: true, cause });
}

async function main() {
  const connection = await NativeConnection.connect({ address });
  const worker = await Worker.create({
    connection,
    namespace,
    taskQueue,
    workflowsPath: require.resolve('./workflows'),
    activities: { callBank, ship },
    // Without a cache, each workflow task replays the history.
    maxCachedWorkflows: 0,
  });
  const end = worker.run();
  console.log('polls');
  await end;
  await connection.close();
}

main();
