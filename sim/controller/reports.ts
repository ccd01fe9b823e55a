// Adverts as a controller reports them: legacy and extended events, long data in fragments (Core 5.4, Vol 4 Part E §7.7.65).
import { addressBytes, EVENT, eventPacket, LE_EVENT } from '../../src/radio/hci.ts';
import type { OnAir } from './air.ts';

const TYPE = { connectable: 0x00, scannable: 0x02, plain: 0x03, response: 0x04 } as const;
const EXTENDED = { connectable: 0x01, scannable: 0x02, response: 0x08, legacy: 0x10, more: 0x20 } as const;
const FRAGMENT = 229;
const NO_TX_POWER = 127;
const PHY = { none: 0, oneM: 1, coded: 3 } as const;
const PERIODIC_STEP_MS = 1.25;

/** Report events of one advert; `response`: the scan response instead. */
export function reportsOf(advert: OnAir, extendedScan: boolean, response: boolean): Buffer[] {
  const data = response ? (advert.scanResponse ?? new Uint8Array()) : advert.data;
  if (!extendedScan) return [legacyReport(advert, response, data)];
  const fragments: Uint8Array[] = [];
  for (let at = 0; at === 0 || at < data.length; at += FRAGMENT) fragments.push(data.subarray(at, at + FRAGMENT));
  return fragments.map((fragment, at) => extendedReport(advert, response, fragment, at < fragments.length - 1));
}

function legacyReport(advert: OnAir, response: boolean, data: Uint8Array): Buffer {
  const { connectable, scanResponse, address, random, rssi } = advert;
  const plain = scanResponse === undefined ? TYPE.plain : TYPE.scannable;
  const type = response ? TYPE.response : connectable ? TYPE.connectable : plain;
  return eventPacket(
    EVENT.leMeta,
    Buffer.concat([
      Buffer.of(LE_EVENT.advert, 1, type, random ? 1 : 0),
      addressBytes(address),
      Buffer.of(data.length),
      data,
      Buffer.of(rssi & 0xff),
    ]),
  );
}

function extendedReport(advert: OnAir, response: boolean, data: Uint8Array, more: boolean): Buffer {
  const { connectable, scanResponse, address, random, rssi, extended, coded = false, periodicMs = 0 } = advert;
  const phy = coded ? PHY.coded : PHY.oneM;
  const interval = Math.round(periodicMs / PERIODIC_STEP_MS);
  const type =
    (connectable ? EXTENDED.connectable : 0) |
    (scanResponse === undefined ? 0 : EXTENDED.scannable) |
    (response ? EXTENDED.response : 0) |
    (extended ? 0 : EXTENDED.legacy) |
    (more ? EXTENDED.more : 0);
  return eventPacket(
    EVENT.leMeta,
    Buffer.concat([
      Buffer.of(LE_EVENT.extendedAdvert, 1, type, 0, random ? 1 : 0),
      addressBytes(address),
      Buffer.of(phy, extended ? phy : PHY.none, extended ? 1 : 0xff, NO_TX_POWER, rssi & 0xff),
      Buffer.of(interval & 0xff, interval >> 8, 0),
      Buffer.alloc(6),
      Buffer.of(data.length),
      data,
    ]),
  );
}
