// AD structures (what an advert carries) to the fields of bt-mqtt/raw: nothing of other adverts, all fields of this one.
import { toHex } from '../kernel/bytes.ts';

/** As on `bt-mqtt/raw`: hex maps by company id and UUID (4 lower-case hex digits, longer ones whole with dashes). */
export type AdvertFields = {
  name?: string;
  tx_power?: number;
  manufacturer_data?: Record<string, string>;
  service_data?: Record<string, string>;
  service_uuids?: string[];
};

// Assigned numbers §2.3.
const TYPE = {
  uuids16: [0x02, 0x03],
  uuids32: [0x04, 0x05],
  uuids128: [0x06, 0x07],
  shortName: 0x08,
  name: 0x09,
  txPower: 0x0a,
  serviceData16: 0x16,
  serviceData32: 0x20,
  serviceData128: 0x21,
  manufacturer: 0xff,
} as const;

const uuidListSizes: ReadonlyMap<number, number> = new Map([
  ...TYPE.uuids16.map(type => [type, 2] as const),
  ...TYPE.uuids32.map(type => [type, 4] as const),
  ...TYPE.uuids128.map(type => [type, 16] as const),
]);
const serviceDataSizes: ReadonlyMap<number, number> = new Map([
  [TYPE.serviceData16, 2],
  [TYPE.serviceData32, 4],
  [TYPE.serviceData128, 16],
]);

/**
 * Reads structure after structure (length, type, value). A zero length ends the significant part, a structure that is
 * longer than what is left is cut off with all behind it (Core 5.4, Vol 3 Part C §11). Data of one company in several
 * structures is joined, as such devices mean it.
 */
export function advertFields(data: Uint8Array): AdvertFields {
  const fields: AdvertFields = {};
  let at = 0;
  while (at + 1 < data.length) {
    const length = data[at]!;
    const end = at + 1 + length;
    if (length === 0 || end > data.length) break;
    takeStructure(fields, data[at + 1]!, data.subarray(at + 2, end));
    at = end;
  }
  return fields;
}

function takeStructure(fields: AdvertFields, type: number, value: Uint8Array): void {
  if (type === TYPE.manufacturer && value.length >= 2) {
    fields.manufacturer_data ??= {};
    join(fields.manufacturer_data, uuidText(value.subarray(0, 2)), value.subarray(2));
    return;
  }
  const dataSize = serviceDataSizes.get(type);
  if (dataSize !== undefined && value.length >= dataSize) {
    fields.service_data ??= {};
    join(fields.service_data, uuidText(value.subarray(0, dataSize)), value.subarray(dataSize));
    return;
  }
  const listSize = uuidListSizes.get(type);
  if (listSize !== undefined) {
    fields.service_uuids ??= [];
    for (let at = 0; at + listSize <= value.length; at += listSize) {
      const uuid = uuidText(value.subarray(at, at + listSize));
      if (!fields.service_uuids.includes(uuid)) fields.service_uuids.push(uuid);
    }
    return;
  }
  if (type === TYPE.txPower && value.length >= 1) fields.tx_power = (value[0]! << 24) >> 24;
  // The whole name counts, wherever the shortened one stands.
  if (type === TYPE.name || (type === TYPE.shortName && fields.name === undefined)) fields.name = nameOf(value);
}

function join(map: Record<string, string>, key: string, value: Uint8Array): void {
  map[key] = (map[key] ?? '') + toHex(value);
}

/** Least significant byte first on the air; short UUIDs as they are, 128 bits with dashes. */
function uuidText(bytes: Uint8Array): string {
  const hex = toHex(Uint8Array.from(bytes).reverse());
  if (hex.length !== 32) return hex;
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Bytes that are no UTF-8 become U+FFFD; NUL and what follows is padding. */
function nameOf(value: Uint8Array): string {
  const end = value.indexOf(0);
  return new TextDecoder().decode(end < 0 ? value : value.subarray(0, end));
}
