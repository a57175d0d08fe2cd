// Starts a workflow and waits for its result.

import { Client, Connection } from '@temporalio/client';
import { randomUUID } from 'node:crypto';
import { shipment } from './workflows';

async function main(): Promise<void> {
  const connection = await Connection.connect({
    address: process.env.TEMPORAL_ADDRESS ?? '127.0.0.1:7233',
  });
  const client = new Client({ connection, namespace: process.env.TEMPORAL_NAMESPACE ?? 'default' });
  const handle = await client.workflow.start(shipment, {
    args: ['o-1'],
    taskQueue: 'shipping',
    workflowId: `shipment-${randomUUID().slice(0, 8)}`,
  });
  console.log(`started ${handle.workflowId}`);
  console.log(`completed: ${await handle.result()}`);
  await connection.close();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
