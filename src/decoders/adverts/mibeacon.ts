// Xiaomi MiBeacon: service data 0xFE95 of sensors, buttons and locks of many makers, plain or encrypted.
import type { Advert } from '../../reading/advert.ts';
import { type Decoded, defineDecoder } from '../define.ts';
import { macBytes, withoutValues } from './bthome/device.ts';
import { type MiBeacon, miBeaconOf } from './mibeacon/frame.ts';
import { modelOf, models } from './mibeacon/models.ts';
import { objectsOf } from './mibeacon/objects.ts';
import { counterOf, openMiBeacon } from './mibeacon/seal.ts';

const UUID = 'fe95';
const BTHOME = ['fcd2', '181c', '181e'];
// Scales that are idle announce themselves without an object.
const SCALES = new Set(['MJTZC01YM', 'MJTZC03YM']);

/** Some scanners give the data of a short UUID without the UUID; then the product must be a known one. */
function frameOf({ serviceData }: Advert): Uint8Array | undefined {
  const frame = serviceData.get(UUID);
  if (frame !== undefined) return frame;
  const bare = serviceData.get('');
  return bare !== undefined && bare.length > 5 && models.has(bare[2]! | (bare[3]! << 8)) ? bare : undefined;
}

function decode(advert: Advert): Decoded {
  const beacon = miBeaconOf(frameOf(advert) ?? new Uint8Array());
  if ('rejected' in beacon) return beacon;
  const sender = macBytes(advert.address);
  if (beacon.mac !== undefined && sender !== undefined && !beacon.mac.every((byte, at) => byte === sender[at]))
    return { rejected: 'MiBeacon: the address in the frame is not that of the sender' };
  const model = modelOf(beacon.product);
  const known = { deviceModel: `Xiaomi ${model}` };
  if (beacon.payload === undefined)
    return { ...known, telemetry: SCALES.has(model) ? { stabilized: false } : {}, metadata: aboutOf(beacon) };
  const decoded = valuesOf({ ...beacon, payload: beacon.payload }, beacon.mac ?? sender, advert.bindkey, model);
  return 'rejected' in decoded
    ? decoded
    : { ...known, ...decoded, metadata: { ...aboutOf(beacon), ...decoded.metadata } };
}

function aboutOf({ packetId, version }: MiBeacon): { packetId: number; firmware: string } {
  return { packetId, firmware: `MiBeacon V${version}` };
}

function valuesOf(
  beacon: MiBeacon & { payload: Uint8Array },
  mac: Uint8Array | undefined,
  key: Uint8Array | undefined,
  model: string,
): Decoded {
  if (!beacon.encrypted) return plain(objectsOf(beacon.payload, model));
  const opened = openMiBeacon(beacon, mac, key);
  if ('rejected' in opened) return opened;
  if ('closed' in opened) return withoutValues(opened.closed, true);
  const objects = objectsOf(opened, model);
  // Without a tag, a wrong key shows in objects that are none.
  if (beacon.version < 4 && ('rejected' in objects || objects.unread.length > 0))
    return withoutValues('encrypted, wrong key or damaged frame', true);
  const decoded = plain(objects);
  return 'rejected' in decoded
    ? decoded
    : { ...decoded, metadata: { ...decoded.metadata, encrypted: true }, ...counterOf(beacon) };
}

function plain(objects: ReturnType<typeof objectsOf>): Decoded {
  if ('rejected' in objects) return objects;
  const { telemetry, metadata, unread } = objects;
  return { telemetry, metadata, quality: unread.length === 0 ? {} : { payload: unread.join(', ') } };
}

const origin = 'Bluetooth-Devices/xiaomi-ble tests/test_parser.py (MIT)';
const example = (name: string, address: string, frame: string, gives: Record<string, number | string | boolean>) => ({
  name,
  origin,
  advert: { address, service_data: { [UUID]: frame } },
  gives,
});

export const decoder = defineDecoder({
  name: 'mibeacon',
  vendor: 'Xiaomi',
  models: [...new Set(models.values())],
  source: 'https://github.com/Bluetooth-Devices/xiaomi-ble',
  keys: [UUID, ''],
  // Thermometers with other firmware send both; their BTHome objects say more.
  matches: advert => frameOf(advert) !== undefined && !BTHOME.some(uuid => advert.serviceData.has(uuid)),
  decode,
  examples: [
    example('temperature, humidity, battery', '58:2D:34:3B:2E:BF', '5020aa01a3bf2e3b342d580d1004b40095020a10013b', {
      temperature: 18,
      humidity: 66.1,
      battery: 59,
      voltage: 1.272,
    }),
    example('motion with light', 'A4:C1:38:0A:00:83', '5040830a0183000a38c1a40f0003640000', {
      motion: true,
      illuminance: 100,
    }),
    example('formaldehyde', 'C4:7C:8D:00:02:DF', '5040df0201df02008d7cc41010027d00', { formaldehyde: 1.25 }),
    example('door left open', 'A4:C1:38:66:E5:67', '505989180167e56638c1a41a4a0101', {
      opening: true,
      door_left_open: true,
    }),
    example('remote control', 'F8:24:41:E9:50:74', '503053013f7450e94124f8011003000000', {
      power: true,
      button_on: 'press',
    }),
    example('remote control, button M held', 'F8:24:41:E9:50:74', '503053013f7450e94124f8' + '011003' + '040002', {
      button_m: 'long_press',
    }),
    example('cube', 'E2:53:30:E6:D3:54', '5030e1048e54d3e63053e2011003010000', { cube: 'rotate_left' }),
    example('fingerprint', 'D7:1F:44:EB:8A:91', '50449e0642918aeb441fd7060005ffffffff00', { fingerprint: true }),
    example('lock by its handle', 'A4:C1:38:0A:03:80', '504080030180030a38c1a408000100', {
      armed: true,
      lock: true,
      lock_method: 'manual',
    }),
    {
      name: 'below zero',
      advert: { service_data: { [UUID]: '50205b0401332211efcdab0904100200ce' + 'ff' } },
      rejects: 'longer than the frame',
    },
    {
      name: 'cut inside its second object',
      advert: { service_data: { [UUID]: '50205b0401332211efcdab' + '041002ceff' + '061002ee' } },
      gives: { temperature: -5 },
    },
    {
      name: 'below zero, without a sender',
      advert: { service_data: { [UUID]: '50205b0401332211efcdab041002ceff' } },
      gives: { temperature: -5 },
    },
    {
      name: 'an object that is not known, then one that is',
      advert: { service_data: { [UUID]: '50205b0401332211efcdabfe7f02010206100244' + '01' } },
      gives: { humidity: 32.4 },
    },
    {
      name: 'version 5, with key',
      origin,
      advert: {
        address: 'A4:C1:38:02:83:F4',
        bindkey: 'e9ea895fac7cca6d30532432a516f3a8',
        service_data: { [UUID]: '58585b0550f4830238c1a495ef58763c26000097e2abb5' },
      },
      gives: { humidity: 46 },
    },
    {
      name: 'version 5, key of another device',
      advert: {
        address: 'A4:C1:38:02:83:F4',
        bindkey: 'e9ea895fac7cca6d30532432a516f3a9',
        service_data: { [UUID]: '58585b0550f4830238c1a495ef58763c26000097e2abb5' },
      },
      gives: {},
    },
    {
      name: 'version 5, without key',
      advert: {
        address: 'A4:C1:38:02:83:F4',
        service_data: { [UUID]: '58585b0550f4830238c1a495ef58763c26000097e2abb5' },
      },
      gives: {},
    },
    {
      name: 'version 3, with key',
      origin,
      advert: {
        address: 'F8:24:41:C5:98:8B',
        bindkey: 'b853075158487ca39a5b5ea9',
        service_data: { [UUID]: '5830b603d28b98c54124f8c3491476757e00000099' },
      },
      gives: { dimmer: 'press', dimmer_presses: 1 },
    },
    {
      name: 'version 3, key with its middle',
      origin,
      advert: {
        address: 'F8:24:41:C5:98:8B',
        bindkey: 'b85307515848' + '8d3d3c97' + '7ca39a5b5ea9',
        service_data: { [UUID]: '5830b603d28b98c54124f8c3491476757e00000099' },
      },
      gives: { dimmer: 'press', dimmer_presses: 1 },
    },
    {
      name: 'battery above 100 %: no voltage either',
      advert: { service_data: { [UUID]: '50205b0401332211efcdab' + '0a100193' } },
      gives: {},
    },
    example('toothbrush, score alone', 'E6:71:43:17:5B:11', '7130890437115b174371e609' + '033006' + '020000000063', {
      score: 99,
    }),
    {
      name: 'version 3, key of another device',
      origin,
      advert: {
        address: 'F8:24:41:C5:98:8B',
        bindkey: 'b853075158487aa39a5b5ea9',
        service_data: { [UUID]: '5830b603d28b98c54124f8c3491476757e00000099' },
      },
      gives: {},
    },
    {
      name: 'body composition',
      origin,
      advert: {
        address: '8C:D0:B2:F6:BE:EF',
        bindkey: '0728974d657a4b60964c1b1677f35f7c',
        service_data: { [UUID]: '4859d53b0abc078ff2348c844138e930220000009e538599' },
      },
      gives: { profile_id: 1, mass: 69.9, heart_rate: 92, impedance_low: 543.2, stabilized: false },
    },
    { name: 'only announced', advert: { service_data: { [UUID]: '3030dd0302332211efcdab0d' } }, gives: {} },
    {
      name: 'sent by another than it says',
      advert: { address: 'AB:CD:EF:11:22:00', service_data: { [UUID]: '50205b0401332211efcdab041002ceff' } },
      rejects: 'not that of the sender',
    },
    { name: 'mesh', advert: { service_data: { [UUID]: 'd0505b0401' } }, rejects: 'a mesh frame' },
  ],
});
