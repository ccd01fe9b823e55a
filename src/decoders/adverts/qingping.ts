// Qingping (ClearGrass): service data 0xFDCD, device type and address, then objects of id, length and value.
import type { Metadata, Value } from '../../reading/reading.ts';
import { type DecodedAdvert, defineDecoder } from '../define.ts';

const UUID = 'fdcd';
const HEAD = 8;

const models: ReadonlyMap<number, string> = new Map([
  [0x01, 'Qingping CGG1'],
  [0x04, 'Qingping CGH1 contact sensor'],
  [0x07, 'Qingping CGG1'],
  [0x09, 'Qingping CGP1W'],
  [0x0c, 'Qingping CGD1 alarm clock'],
  [0x0e, 'Qingping CGDN1 air monitor lite'],
  [0x0f, 'Qingping CGM1'],
  [0x10, 'Qingping CGDK2'],
  [0x12, 'Qingping CGPR1 motion and light'],
  [0x15, 'Qingping CGF1W'],
  [0x16, 'Qingping CGG1-M'],
  [0x18, 'Qingping CGP23W'],
  [0x1e, 'Qingping CGC1 clock lite'],
  [0x24, 'Qingping CGDN1 air monitor lite'],
  [0x33, 'Qingping CGP22C'],
  [0x4f, 'Qingping CGG3'],
  [0x5d, 'Qingping CGP22C'],
]);
const CONTACT_SENSOR = 0x04;

type Read = (view: DataView) => Record<string, Value>;
/** id → length and values; numbers are little-endian. */
const objects: ReadonlyMap<number, [length: number, read: Read]> = new Map<number, [number, Read]>([
  [0x01, [4, view => ({ temperature: view.getInt16(0, true) / 10, humidity: view.getUint16(2, true) / 10 })]],
  // Bit 7 says that it is being charged.
  [0x02, [1, view => ({ battery: view.getUint8(0) & 0x7f })]],
  // 0 open, 1 closed, 2 left open.
  [0x04, [1, view => ({ opening: view.getUint8(0) !== 1, door_left_open: view.getUint8(0) === 2 })]],
  [0x07, [2, view => ({ pressure: view.getUint16(0, true) / 10 })]],
  [0x08, [4, view => ({ motion: view.getUint8(0) !== 0, illuminance: view.getUint32(0, true) >>> 8 })]],
  [0x09, [4, view => ({ illuminance: view.getUint32(0, true) })]],
  [0x11, [1, view => ({ light: view.getUint8(0) !== 0 })]],
  [0x12, [4, view => ({ pm2_5: view.getUint16(0, true), pm10: view.getUint16(2, true) })]],
  [0x13, [2, view => ({ co2: view.getUint16(0, true) })]],
]);
const PACKET = 0x0f;

/** Objects from byte 8 on, up to one that is longer than the frame or has a length of its own: after it nothing is certain. */
function objectsOf(frame: Uint8Array, type: number): Omit<DecodedAdvert, 'deviceModel'> | { rejected: string } {
  const telemetry: Record<string, Value> = {};
  const metadata: Metadata = {};
  const unread: string[] = [];
  for (let at = HEAD; at < frame.length; ) {
    const id = frame[at]!;
    const length = frame[at + 1];
    const shown = `object 0x${id.toString(16).padStart(2, '0')}`;
    if (length === undefined || at + 2 + length > frame.length) {
      if (at === HEAD) return { rejected: `Qingping: ${shown} is longer than the frame` };
      unread.push(`${shown} is longer than the frame`);
      break;
    }
    const object = objects.get(id);
    if (object !== undefined && object[0] !== length) {
      if (at === HEAD) return { rejected: `Qingping: ${shown} has ${length} bytes, expected ${object[0]}` };
      unread.push(`${shown} has ${length} bytes, expected ${object[0]}`);
      break;
    }
    const view = new DataView(frame.buffer, frame.byteOffset + at + 2, length);
    if (object !== undefined) Object.assign(telemetry, object[1](view));
    else if (id !== PACKET || length !== 1) unread.push(`unknown ${shown}`);
    else if (metadata['packetId'] === undefined) metadata['packetId'] = view.getUint8(0);
    // Older contact sensors put their state into a second packet object.
    else if (type === CONTACT_SENSOR) telemetry['opening'] = view.getUint8(0) !== 1;
    at += 2 + length;
  }
  return { telemetry, metadata, quality: unread.length === 0 ? {} : { payload: unread.join(', ') } };
}

const origin = 'Bluetooth-Devices/qingping-ble tests/test_parser.py (MIT)';

export const decoder = defineDecoder({
  name: 'qingping',
  vendor: 'Qingping',
  models: [...new Set(models.values())],
  source: 'https://github.com/Bluetooth-Devices/qingping-ble',
  keys: [UUID],
  matches: advert => advert.serviceData.has(UUID),
  decode(advert) {
    const frame = advert.serviceData.get(UUID) ?? new Uint8Array();
    if (frame.length < HEAD) return { rejected: `Qingping: expected at least ${HEAD} bytes, got ${frame.length}` };
    const type = frame[1]!;
    const deviceModel = models.get(type);
    if (deviceModel === undefined) return { rejected: `Qingping: device type 0x${type.toString(16)} is not known` };
    const decoded = objectsOf(frame, type);
    return 'rejected' in decoded ? decoded : { ...decoded, deviceModel };
  },
  examples: [
    {
      name: 'alarm clock',
      origin,
      advert: { service_data: { fdcd: '080c344d56342d5801042001b201020164' } },
      gives: { temperature: 28.8, humidity: 43.4, battery: 100 },
    },
    {
      name: 'air monitor',
      origin,
      advert: { service_data: { fdcd: '880ed6888fe6485401040301160212040200020013022502' } },
      gives: { temperature: 25.9, humidity: 53.4, pm2_5: 2, pm10: 2, co2: 549 },
    },
    {
      name: 'motion',
      origin,
      advert: { service_data: { fdcd: '4812cdd560342d58080401e800000f017b' } },
      gives: { motion: true, illuminance: 232 },
    },
    {
      name: 'light',
      origin,
      advert: { service_data: { fdcd: '0812cdd560342d580201640f019809043c010000' } },
      gives: { battery: 100, illuminance: 316 },
    },
    {
      name: 'door closed',
      origin,
      advert: { service_data: { fdcd: 'c8044d3a40342d580401010f01ef' } },
      gives: { opening: false, door_left_open: false },
    },
    {
      name: 'pressure',
      origin,
      advert: { service_data: { fdcd: '8818072240342d5801041801cd0002016107027327' } },
      gives: { temperature: 28, humidity: 20.5, battery: 97, pressure: 1009.9 },
    },
    {
      name: 'thermometer lite, below zero',
      advert: { service_data: { fdcd: '8810112233342d580104ceffc201' + '02015a' } },
      gives: { temperature: -5, humidity: 45, battery: 90 },
    },
    {
      name: 'an object that is not known',
      advert: { service_data: { fdcd: '080c344d56342d587e010102012a' } },
      gives: { battery: 42 },
    },
    {
      name: 'one byte short: what stands before the cut object counts',
      advert: { service_data: { fdcd: '080c344d56342d5801042001b2010201' } },
      gives: { temperature: 28.8, humidity: 43.4 },
    },
    {
      name: 'cut inside its first object',
      advert: { service_data: { fdcd: '080c344d56342d5801042001b2' } },
      rejects: 'object 0x01 is longer than the frame',
    },
    {
      name: 'an object of a wrong length after a right one',
      advert: { service_data: { fdcd: '080c344d56342d5801042001b201' + '0200' + '0702a027' } },
      gives: { temperature: 28.8, humidity: 43.4 },
    },
    {
      name: 'a device that is not known',
      origin,
      advert: { service_data: { fdcd: '3058830a02cdd560342d5808' } },
      rejects: 'device type 0x58',
    },
  ],
});
