import { activityInfo, log } from '@temporalio/activity';

/** Fails three times, then succeeds. */
export async function ship(order: string): Promise<string> {
  const { attempt } = activityInfo();
  if (attempt < 4) {
    throw new Error(`the carrier does not respond (attempt ${attempt})`);
  }
  log.info('label printed', { order });
  return `shipped ${order}`;
}
