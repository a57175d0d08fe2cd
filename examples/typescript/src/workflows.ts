import { proxyActivities } from '@temporalio/workflow';
import type * as activities from './activities';

const { ship } = proxyActivities<typeof activities>({
  startToCloseTimeout: '10s',
  retry: { initialInterval: '1s', backoffCoefficient: 2 },
});

export async function shipment(order: string): Promise<string> {
  return ship(order);
}
