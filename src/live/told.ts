// What is told of a batch of readings: their rows, and one status of each device, as the database updates it once.
import type { Reading } from '../reading/reading.ts';
import { isLate } from './latest.ts';
import { type Row, rowsOf, statusRowOf } from './publication.ts';

/** `statusOf`: the status of a device that was told last. It is asked when the first reading of the device comes. */
export function* told(readings: readonly Reading[], statusOf: (deviceId: string) => Row | undefined): Iterable<Row> {
  const devices = new Map<string, { known: Row | undefined; told?: Row }>();
  for (const reading of readings) {
    let device = devices.get(reading.deviceId);
    if (device === undefined) {
      device = { known: statusOf(reading.deviceId) };
      devices.set(reading.deviceId, device);
    }
    for (const row of rowsOf(reading)) {
      // An operator may have put the device into an application that its messages know nothing of.
      row.applicationId ??= device.known?.applicationId;
      yield row;
    }
    const status = statusRowOf(reading, device.known);
    const late = device.known !== undefined && isLate(status.time, device.known.time);
    if (!late) device.known = status;
    if (!late || device.told === undefined) device.told = status;
  }
  for (const device of devices.values()) if (device.told !== undefined) yield device.told;
}
