// What a device tells of itself in the standard services: battery and firmware, where it has them.
import type { Link } from '../reading/radio.ts';

export type DeviceDetails = {
  firmware?: string;
  /** Percent. */
  battery_estimate?: number;
};

// Assigned numbers: Battery Service and Battery Level, Device Information and Firmware Revision String.
const BATTERY = ['180f', '2a19'] as const;
const FIRMWARE = ['180a', '2a26'] as const;
const LONGEST = 64;

/** Never rejects: what the device does not have, or does not tell, is left out. */
export async function deviceDetails(link: Pick<Link, 'read'>): Promise<DeviceDetails> {
  const read = ([service, characteristic]: readonly [string, string]): Promise<Uint8Array> =>
    link.read(service, characteristic).catch(() => new Uint8Array());
  // One after the other: a link carries one request at a time.
  const battery = (await read(BATTERY))[0];
  const firmware = new TextDecoder()
    .decode(await read(FIRMWARE))
    .replace(/\0.*$/s, '')
    .trim()
    .slice(0, LONGEST);
  return {
    ...(firmware === '' ? {} : { firmware }),
    ...(battery === undefined || battery > 100 ? {} : { battery_estimate: battery }),
  };
}
