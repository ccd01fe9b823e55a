// Roll-up of the flow data's hours: device by device, each in a short transaction, so that nobody waits for it.
import type { Query } from '../reading/contracts.ts';

const OVER = `SELECT device_id FROM flow_windows WHERE since < date_trunc('hour', now(), 'UTC') - interval '2 hours' ORDER BY device_id`;

/** Resolves with the number of hours that were rolled up; stops between two devices when it is told to. */
export async function rollUp(query: Query, signal?: AbortSignal): Promise<number> {
  let hours = 0;
  for (const { device_id: device } of await query<{ device_id: string }>(OVER)) {
    if (signal?.aborted) break;
    const [row] = await query<{ rolled: number }>('SELECT roll_flow_hours($1) AS rolled', [device]);
    hours += row?.rolled ?? 0;
  }
  return hours;
}
