// From a JSON object (MQTT message, command line record, capture) to the advert that decoders take, or the reason why not.
import { fromHex } from '../kernel/bytes.ts';
import type { Advert } from '../reading/advert.ts';
import { macOf } from '../reading/mac.ts';
import { deviceName } from '../reading/payload.ts';

/** An advert in JSON: hex maps by company id or UUID, as on `bt-mqtt/raw/{scanner_id}`. */
export type AdvertRecord = {
  address?: string;
  name?: string | null;
  rssi?: number | null;
  service_data?: Readonly<Record<string, string>>;
  manufacturer_data?: Readonly<Record<string, string>>;
  service_uuids?: readonly string[];
  /** Key of an encrypted device, hex. */
  bindkey?: string;
};

// A chain of extended advertising PDUs carries at most 1650 bytes (Bluetooth Core 5.4, Vol 4 Part E §7.8.57).
const MAX_BYTES = 1650;
const MAX_ENTRIES = 64;
const BASE_UUID = /^0000([0-9a-f]{4})-?0000-?1000-?8000-?00805f9b34fb$/;
const LONGEST_ADDRESS = 64;

/** A MAC in upper case with colons, as device_address of the database gives it; other identifiers (macOS gives UUIDs) stay as they are; undefined for nothing. */
export function normalAddress(text: string): string | undefined {
  const plain = deviceName(text);
  if (plain === undefined || plain.length <= LONGEST_ADDRESS) return plain && (macOf(plain) ?? plain);
  // By characters, as the database counts them.
  return Array.from(plain).slice(0, LONGEST_ADDRESS).join('');
}

/** Company id or 16-bit UUID as 4 lower-case hex digits, whatever form the scanner chose; longer UUIDs whole. */
export function normalKey(key: string): string {
  const plain = key.trim().toLowerCase().replace(/^0x/, '');
  const short = BASE_UUID.exec(plain)?.[1] ?? /^0000([0-9a-f]{4})$/.exec(plain)?.[1];
  return short ?? (/^[0-9a-f]{1,3}$/.test(plain) ? plain.padStart(4, '0') : plain);
}

/** The advert, or why the value is none. Fields that decoders can do without are left out when they are wrong. */
export function advertOf(value: unknown): Advert | { rejected: string } {
  if (!isObject(value)) return { rejected: 'expected one advert as a JSON object' };
  const manufacturerData = hexMap(value['manufacturer_data'], 'manufacturer_data');
  if ('rejected' in manufacturerData) return manufacturerData;
  const serviceData = hexMap(value['service_data'], 'service_data');
  if ('rejected' in serviceData) return serviceData;
  const { address, name, rssi, service_uuids: uuids, bindkey } = value;
  if (isGiven(address) && typeof address !== 'string') return { rejected: 'address: expected text' };
  const key = typeof bindkey === 'string' ? fromHex(bindkey) : undefined;
  return {
    address: typeof address === 'string' ? normalAddress(address) : undefined,
    // Names are often filled up with NUL.
    name: typeof name === 'string' ? deviceName(name) : undefined,
    // 127 says "not available" (Core 5.4, Vol 4 Part E §7.7.65.2).
    rssi: typeof rssi === 'number' && Number.isFinite(rssi) && rssi !== 127 ? rssi : undefined,
    manufacturerData: manufacturerData.map,
    serviceData: serviceData.map,
    serviceUuids: Array.isArray(uuids)
      ? uuids
          .filter(uuid => typeof uuid === 'string')
          .slice(0, MAX_ENTRIES)
          .map(normalKey)
      : [],
    ...(key === undefined ? {} : { bindkey: key }),
  };
}

function hexMap(value: unknown, where: string): { map: ReadonlyMap<string, Uint8Array> } | { rejected: string } {
  const map = new Map<string, Uint8Array>();
  if (!isGiven(value)) return { map };
  if (!isObject(value)) return { rejected: `${where}: expected an object of hex texts` };
  const entries = Object.entries(value);
  if (entries.length > MAX_ENTRIES)
    return { rejected: `${where}: expected at most ${MAX_ENTRIES} entries, got ${entries.length}` };
  for (const [key, hex] of entries) {
    const bytes = typeof hex !== 'string' ? undefined : hex === '' ? new Uint8Array() : fromHex(hex);
    if (bytes === undefined) return { rejected: `${where}${shown(key)}: expected hex` };
    if (bytes.length > MAX_BYTES)
      return { rejected: `${where}${shown(key)}: expected at most ${MAX_BYTES} bytes, got ${bytes.length}` };
    map.set(normalKey(key), bytes);
  }
  return { map };
}

/** A key is shown when it is one; other text of a sender does not enter a reason. */
function shown(key: string): string {
  return /^[0-9a-fA-F-]{1,36}$/.test(key) ? ` ${key}` : '';
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}
