// Adverts from the child to its parent in one buffer: many small objects would cost both processes more than the radio does.
import type { AdvertReport } from './advert-report.ts';
import { addressBytes, addressText } from './hci.ts';

/** A report, and when it was heard (milliseconds since the epoch). */
export type HeardReport = AdvertReport & { at: number };

const FLAG = { random: 1, connectable: 2, scanResponse: 4 } as const;
const UNKNOWN = 127;
// length u16, time f64, address 6, flags u8, rssi i8, tx power i8
const HEAD = 19;

/** Bytes that an advert takes at most: a chain carries up to 1650 (Core 5.4, Vol 4 Part E §7.8.57), and a fragment more. */
export const MOST_PACKED = HEAD + 2048;

/** Writes one advert at `offset`; the offset behind it. */
export function packAdvert(advert: HeardReport, packed: Buffer, offset: number): number {
  const { data } = advert;
  packed.writeUInt16LE(data.length, offset);
  packed.writeDoubleLE(advert.at, offset + 2);
  packed.set(addressBytes(advert.address), offset + 10);
  packed[offset + 16] =
    (advert.random ? FLAG.random : 0) |
    (advert.connectable ? FLAG.connectable : 0) |
    (advert.scanResponse ? FLAG.scanResponse : 0);
  packed.writeInt8(advert.rssi ?? UNKNOWN, offset + 17);
  packed.writeInt8(advert.txPower ?? UNKNOWN, offset + 18);
  packed.set(data, offset + HEAD);
  return offset + HEAD + data.length;
}

export function* unpackAdverts(packed: Uint8Array): Generator<HeardReport> {
  const view = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength);
  for (let offset = 0; offset + HEAD <= view.length; ) {
    const length = view.readUInt16LE(offset);
    const flags = view[offset + 16]!;
    const rssi = view.readInt8(offset + 17);
    const txPower = view.readInt8(offset + 18);
    yield {
      at: view.readDoubleLE(offset + 2),
      address: addressText(view.subarray(offset + 10, offset + 16)),
      random: (flags & FLAG.random) !== 0,
      connectable: (flags & FLAG.connectable) !== 0,
      scanResponse: (flags & FLAG.scanResponse) !== 0,
      rssi: rssi === UNKNOWN ? undefined : rssi,
      txPower: txPower === UNKNOWN ? undefined : txPower,
      data: view.subarray(offset + HEAD, offset + HEAD + length),
    };
    offset += HEAD + length;
  }
}
