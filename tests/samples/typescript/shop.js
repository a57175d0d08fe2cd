// The worker of shop.py with the TypeScript SDK.
//
// Usage: shop.js QUEUE [MODE]

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const { setTimeout: pause } = require('node:timers/promises');
const { activityInfo, sleep } = require('@temporalio/activity');
const { NativeConnection, Runtime, Worker } = require('@temporalio/worker');

const [taskQueue, mode = 'graceful'] = process.argv.slice(2);
const { TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace } = process.env;

async function pack(order) {
  if (order === 'slow' && activityInfo().attempt === 1) {
    console.log('packs slowly');
    await sleep('1h');
  }
  return `packed ${order}`;
}

function misbehave() {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});
  Runtime.install({ shutdownSignals: [] });
  // The descriptor of the lock. Node needs the others.
  for (const fd of fs.readdirSync('/proc/self/fd')) {
    try {
      if (fs.readlinkSync(`/proc/self/fd/${fd}`).endsWith('/lock')) fs.closeSync(Number(fd));
    } catch {
      // The descriptor of the list itself.
    }
  }
  const script = "trap '' INT TERM HUP; exec sleep 1000";
  spawn('sh', ['-c', script], { detached: true, stdio: 'ignore' });
}

function flood() {
  const lines = `a line of a flood ${'~'.repeat(180)}\n`.repeat(1000);
  setInterval(() => process.stdout.write(lines), 50);
}

async function main() {
  if (mode === 'stubborn') misbehave();
  while (mode === 'waits' && !fs.existsSync('go')) await pause(10);
  const connection = await NativeConnection.connect({ address });
  const worker = await Worker.create({
    connection,
    namespace,
    taskQueue,
    // The workflows of orders.js.
    workflowBundle: { codePath: require.resolve('./bundled') },
    activities: { pack },
  });
  process.on('SIGUSR2', () => worker.shutdown());
  const end = worker.run();
  console.log('starts to poll');
  if (mode === 'stubborn') flood();
  await end;
  await connection.close();
  // The timer keeps the process alive.
  if (mode === 'idle') setInterval(() => {}, 1000);
}

main();
