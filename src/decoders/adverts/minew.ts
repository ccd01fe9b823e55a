// Minew sensor beacons: service data 0xFFE1 (kind after the byte a1), or company 0x0639 of newer ones (S3, S4, Connect V3).
import type { Value } from '../../reading/reading.ts';
import { type Decoded, defineDecoder } from '../define.ts';
import { companyFrames, type Frame, serviceFrames } from './minew/frames.ts';
import { viewOf } from './shared/numbers.ts';

const SERVICE = 'ffe1';
const COMPANY = '0639';
const MARK = 0xa1;
const deviceModel = 'Minew beacon';
const ADDRESS = 'aabbccddeeff';

function read(frame: Uint8Array, kind: Frame | undefined): Decoded {
  if (kind === undefined) return { telemetry: {}, deviceModel, quality: { payload: 'this kind is not known' } };
  const { model, length, telemetry } = kind;
  if (length !== undefined && frame.length !== length)
    return { rejected: `${model}: expected ${length} bytes, got ${frame.length}` };
  const values = telemetry?.(viewOf(frame)) ?? {};
  if (typeof values === 'string') return { rejected: `${model}: ${values}` };
  return { telemetry: values, deviceModel: model };
}

const origin = 'reelyactive/advlib-ble-services and advlib-ble-manufacturers, test/unit/minew (MIT)';
const service = (name: string, hex: string, gives: Record<string, Value>) => ({
  name,
  origin,
  advert: { service_data: { [SERVICE]: hex + ADDRESS } },
  gives,
});
const company = (name: string, hex: string, gives: Record<string, Value>) => ({
  name,
  origin,
  advert: { manufacturer_data: { [COMPANY]: hex } },
  gives,
});

export const decoder = defineDecoder({
  name: 'minew',
  vendor: 'Minew',
  models: [...new Set([...serviceFrames.values(), ...companyFrames.values()].map(({ model }) => model))],
  source: 'https://github.com/reelyactive/advlib-ble-services',
  keys: [SERVICE, COMPANY],
  matches: advert => advert.serviceData.get(SERVICE)?.[0] === MARK || advert.manufacturerData.has(COMPANY),
  decode(advert) {
    const own = advert.serviceData.get(SERVICE);
    if (own?.[0] === MARK) return read(own, serviceFrames.get(own[1] ?? -1));
    const frame = advert.manufacturerData.get(COMPANY) ?? new Uint8Array();
    if (frame.length < 2) return { rejected: `Minew: expected at least 2 bytes, got ${frame.length}` };
    return read(frame, companyFrames.get(viewOf(frame).getUint16(0)));
  },
  examples: [
    service('temperature and humidity', 'a1016315803200', { battery: 99, temperature: 21.5, humidity: 50 }),
    service('below zero', 'a10163fb803200', { battery: 99, temperature: -4.5, humidity: 50 }),
    service('light', 'a1024501', { battery: 69, light: true }),
    service('acceleration', 'a10364ff8000000080', {
      battery: 100,
      acceleration_x: -4.903325,
      acceleration_y: 0,
      acceleration_z: 4.903325,
    }),
    service('illuminance', 'a105644000', { battery: 100, illuminance: 16_384 }),
    service('new firmware', 'a107', {}),
    service('name', 'a10801', { battery: 1 }),
    service('infrared', 'a111320001', { battery: 50, motion: true }),
    service('volatile compounds', 'a112634000', { battery: 99, voc_ppb: 16_384 }),
    service('temperature alone', 'a113631973', { battery: 99, temperature: 25.44921875 }),
    service('pressure', 'a1176304840000', { battery: 99, pressure: 1156 }),
    service('vibration', 'a118321234567801', { battery: 50, vibration: true }),
    service('tamper', 'a1204501', { battery: 69, tamper: true }),
    service('water', 'a1216301', { battery: 99, moisture: true }),
    company('S3', 'a30364197348466745233123ac007ad3', {
      battery: 100,
      temperature: 25.44921875,
      humidity: 72.2734375,
    }),
    company('S3, versions', 'a301010017000b00010100006745233123ac23d3', {}),
    company('S4, the door is open', 'a40163010001ff6745233123ac1234', { battery: 99, opening: true, tamper: false }),
    company('V3, device', 'ca006745233123ac6421870000000000000000001234abcd', { battery: 100 }),
    company('V3, several values', 'ca030300050005ff0421643a7ac951', {
      acceleration_x: 0.191536,
      acceleration_y: 0.191536,
      acceleration_z: -9.653421,
      battery: 100,
    }),
    company('V3, climate', 'ca05000000197348466d696e65770000000000001234abcd', {
      temperature: 25.44921875,
      humidity: 72.2734375,
    }),
    company('V3, a thermometer alone', 'ca05010200197348466d696e65770000000100001234abcd', {
      temperature: 25.44921875,
    }),
    company('V3, people', 'ca18007f230110320000000000000000000000001234abcd', { entries: 291, exits: 12_816 }),
    company('V3, people in a room', 'ca180106046e849b8c709a8c86987a7a8e0000001234abcd', { people: 4 }),
    company('V3, tag with a voltage', 'ca1b010007000165332211ac05ef197300c5000000000010', {
      voltage: 1.519,
      temperature: 25.44921875,
    }),
    company('V3, distance', 'ca1e0064f4010f450700000000000000000000001234abcd', {
      distance: 500,
      low_battery: true,
      occupancy: true,
      motion: true,
      tamper: true,
    }),
    {
      name: 'cut',
      advert: { service_data: { [SERVICE]: 'a1016315803200aabbccdd' } },
      rejects: 'expected 13 bytes, got 11',
    },
    {
      name: 'V3, a value that goes on after the end',
      advert: { manufacturer_data: { [COMPANY]: 'ca030300050005ff04' } },
      rejects: 'a value is longer than the frame',
    },
  ],
});
