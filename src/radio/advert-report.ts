// LE advertising reports, legacy and extended, out of HCI events: every report of an event, fragments put together.
import { boundedMap } from '../kernel/bounded.ts';
import { addressText, LE_EVENT } from './hci.ts';

export type AdvertReport = {
  /** Upper case with colons. */
  address: string;
  random: boolean;
  connectable: boolean;
  scanResponse: boolean;
  /** dBm; undefined where the controller cannot tell (127). */
  rssi: number | undefined;
  /** dBm, from the extended header. */
  txPower: number | undefined;
  /** AD structures. */
  data: Uint8Array;
};

export type ReportReader = {
  /** Reports of one LE meta event, and for each that cannot be given the reason. Other events give none. */
  read(packet: Buffer): { reports: AdvertReport[]; faults: string[] };
  /** The controller scans anew: what it has not finished, it does not finish any more. */
  begin(): void;
};

const UNAVAILABLE = 127;
const ANONYMOUS = 0xff;
// Core 5.4, Vol 4 Part E §7.8.57: a chain carries at most 1650 bytes.
const MAX_DATA = 1650;
const CHAINS = 64;
const HEAD = 5;

export function reportReader(): ReportReader {
  let faults: string[] = [];
  const unfinished = (): number => faults.push('the fragments of an advert did not all come');
  /** Chains that have begun, by address and advertising set. */
  const chains = boundedMap<string, Buffer>(CHAINS, unfinished);

  /** Event type, address type, address, length, data, rssi (§7.7.65.2). */
  function legacy(packet: Buffer, at: number, reports: AdvertReport[]): number {
    const length = packet[at + 8];
    if (length === undefined || at + 10 + length > packet.length) return -1;
    const type = packet[at]!;
    reports.push({
      address: addressText(packet.subarray(at + 2, at + 8)),
      random: (packet[at + 1]! & 1) === 1,
      // 0 ADV_IND, 1 ADV_DIRECT_IND, 2 ADV_SCAN_IND, 3 ADV_NONCONN_IND, 4 SCAN_RSP
      connectable: type <= 1,
      scanResponse: type === 4,
      rssi: known(packet.readInt8(at + 9 + length)),
      txPower: undefined,
      data: packet.subarray(at + 9, at + 9 + length),
    });
    return at + 10 + length;
  }

  /** Event type u16, address type, address, PHYs, set, tx power, rssi, interval, direct address, length, data (§7.7.65.13). */
  function extended(packet: Buffer, at: number, reports: AdvertReport[]): number {
    const length = packet[at + 23];
    if (length === undefined || at + 24 + length > packet.length) return -1;
    const type = packet.readUInt16LE(at);
    const data = packet.subarray(at + 24, at + 24 + length);
    const next = at + 24 + length;
    const address = addressText(packet.subarray(at + 3, at + 9));
    const chain = `${address}/${packet[at + 11]}/${type & 0x08}`;
    const begun = chains.get(chain);
    const whole = begun === undefined ? data : Buffer.concat([begun, data]);
    chains.delete(chain);
    const more = ((type >> 5) & 0x03) === 1;
    if (more && whole.length <= MAX_DATA) {
      chains.set(chain, Buffer.from(whole));
      return next;
    }
    if (packet[at + 2] === ANONYMOUS) {
      faults.push('an advert names no device');
      return next;
    }
    reports.push({
      address,
      random: (packet[at + 2]! & 1) === 1,
      connectable: (type & 0x01) !== 0,
      scanResponse: (type & 0x08) !== 0,
      rssi: known(packet.readInt8(at + 13)),
      txPower: known(packet.readInt8(at + 12)),
      data: whole,
    });
    return next;
  }

  return {
    read(packet) {
      const reports: AdvertReport[] = [];
      faults = [];
      const one = packet[3] === LE_EVENT.advert ? legacy : packet[3] === LE_EVENT.extendedAdvert ? extended : undefined;
      const count = packet[4] ?? 0;
      let at = HEAD;
      for (let report = 0; one !== undefined && report < count; report++) {
        at = one(packet, at, reports);
        if (at >= 0) continue;
        faults.push('an advertising report is shorter than it says');
        break;
      }
      return { reports, faults };
    },
    begin: () => chains.clear(),
  };
}

function known(value: number): number | undefined {
  return value === UNAVAILABLE ? undefined : value;
}
