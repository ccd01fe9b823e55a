// Thermometers with the custom firmware of atc1441 or pvvx: service data 0x181A in one of several layouts, told apart by length.
import type { Advert } from '../../reading/advert.ts';
import { openSealed } from '../aes-ccm.ts';
import { type Decoded, defineDecoder } from '../define.ts';
import { macBytes, withoutValues } from './bthome/device.ts';
import { viewOf } from './shared/numbers.ts';

const UUID = '181a';
const ATC1441 = 13;
const PVVX = 15;
// Counter (1), values, tag (4).
const ATC1441_SEALED = 8;
const PVVX_SEALED = 11;
// What a receiver sends on that has opened the frame of pvvx itself.
const PVVX_OPENED = 6;
const LENGTHS = new Set([ATC1441, PVVX, ATC1441_SEALED, PVVX_SEALED, PVVX_OPENED]);

const ATC_MODEL = 'Thermometer with ATC firmware';
const PVVX_MODEL = 'Thermometer with PVVX firmware';

/** Frames carry no checksum: a cut or a longer one shows in values that no cell and no thermometer has. */
const limits = [
  ['temperature', -60, 130],
  ['humidity', 0, 110],
  ['battery', 0, 100],
  ['voltage', 1, 5],
] as const;

function decode(advert: Advert): Decoded {
  const decoded = valuesOf(advert);
  if ('rejected' in decoded) return decoded;
  const isSound = limits.every(([metric, low, high]) => {
    const value = decoded.telemetry[metric];
    return typeof value !== 'number' || (value >= low && value <= high);
  });
  return isSound ? decoded : { rejected: 'ATC or PVVX: impossible values, the frame is damaged' };
}

/** Both begin with the address: atc1441 as it is written, big-endian throughout; pvvx reversed, little-endian. */
function valuesOf(advert: Advert): Decoded {
  const frame = advert.serviceData.get(UUID) ?? new Uint8Array();
  const view = viewOf(frame);
  if (frame.length === ATC1441)
    return {
      telemetry: {
        temperature: view.getInt16(6) / 10,
        humidity: view.getUint8(8),
        battery: view.getUint8(9),
        voltage: view.getUint16(10) / 1000,
      },
      deviceModel: ATC_MODEL,
      metadata: { packetId: view.getUint8(12) },
    };
  if (frame.length === PVVX)
    return {
      telemetry: {
        temperature: view.getInt16(6, true) / 100,
        humidity: view.getUint16(8, true) / 100,
        voltage: view.getUint16(10, true) / 1000,
        battery: view.getUint8(12),
      },
      deviceModel: PVVX_MODEL,
      metadata: { packetId: view.getUint8(13) },
    };
  if (frame.length === PVVX_OPENED)
    return isAddress(frame, advert)
      ? { rejected: 'ATC or PVVX: only the address, the frame is cut' }
      : { telemetry: unsealed(view), deviceModel: PVVX_MODEL };
  const known = { deviceModel: frame.length === PVVX_SEALED ? PVVX_MODEL : ATC_MODEL };
  const plain = opened(frame, advert);
  if (typeof plain === 'string') return { ...known, ...withoutValues(plain, true) };
  return { ...known, telemetry: unsealed(viewOf(plain)), metadata: { encrypted: true, packetId: frame[0]! } };
}

/** As both firmwares begin their open frames. */
function isAddress(frame: Uint8Array, { address }: Advert): boolean {
  const mac = macBytes(address);
  if (mac === undefined) return false;
  return [mac, mac.toReversed()].some(bytes => bytes.every((byte, at) => frame[at] === byte));
}

/** pvvx: hundredths as in the open layout; atc1441: half degrees above -40 °C, half percent, battery below a switch bit. */
function unsealed(view: DataView): Record<string, number> {
  if (view.byteLength === PVVX_OPENED)
    return {
      temperature: view.getInt16(0, true) / 100,
      humidity: view.getUint16(2, true) / 100,
      battery: view.getUint8(4),
    };
  return {
    temperature: view.getUint8(0) / 2 - 40,
    humidity: view.getUint8(1) / 2,
    battery: Math.min(100, view.getUint8(2) & 0x7f),
  };
}

/** The nonce: reversed address, then the head of the advertising structure (length, type 0x16, UUID) and the counter. */
function opened(frame: Uint8Array, { address, bindkey }: Advert): Uint8Array | string {
  if (bindkey === undefined) return 'encrypted, key missing';
  if (bindkey.length !== 16) return `encrypted, key has ${bindkey.length} bytes instead of 16`;
  const mac = macBytes(address);
  if (mac === undefined) return 'encrypted, device address missing';
  const plain = openSealed({
    key: bindkey,
    nonce: Uint8Array.of(...mac.reverse(), frame.length + 3, 0x16, 0x1a, 0x18, frame[0]!),
    ciphertext: frame.subarray(1, -4),
    tag: frame.subarray(-4),
    associated: Uint8Array.of(0x11),
  });
  return plain ?? 'encrypted, wrong key or damaged frame';
}

export const decoder = defineDecoder({
  name: 'atc-thermometer',
  vendor: 'ATC',
  models: [ATC_MODEL, PVVX_MODEL],
  source: 'https://github.com/pvvx/ATC_MiThermometer',
  keys: [UUID],
  // The UUID is that of environmental sensing, which others use as well; the BTHome objects of the same advert say more.
  matches(advert) {
    const length = advert.serviceData.get(UUID)?.length ?? 0;
    return LENGTHS.has(length) && !advert.serviceData.has('181c') && !advert.serviceData.has('fcd2');
  },
  decode,
  examples: [
    {
      name: 'atc1441, below zero',
      advert: { service_data: { '181a': 'a4c138001122ffce3d550bb801' } },
      gives: { temperature: -5, humidity: 61, battery: 85, voltage: 3 },
    },
    {
      name: 'pvvx, below zero',
      advert: { service_data: { '181a': '22110038c1a40cfe0c17b80b550704' } },
      gives: { temperature: -5, humidity: 59, battery: 85, voltage: 3 },
    },
    {
      name: 'pvvx, encrypted, below zero',
      advert: {
        address: 'A4:C1:38:00:11:22',
        bindkey: '00112233445566778899aabbccddeeff',
        service_data: { '181a': '071415e3aee15fbebe6352' },
      },
      gives: { temperature: -5, humidity: 59, battery: 85 },
    },
    {
      name: 'atc1441, encrypted, below zero',
      advert: {
        address: 'A4:C1:38:00:11:22',
        bindkey: '00112233445566778899aabbccddeeff',
        service_data: { '181a': '078bd76f57ebdd03' },
      },
      gives: { temperature: -5, humidity: 45.5, battery: 85 },
    },
    {
      name: 'pvvx, opened by the receiver',
      advert: { service_data: { '181a': '0cfe0c175501' } },
      gives: { temperature: -5, humidity: 59, battery: 85 },
    },
    {
      name: 'pvvx, cut to the length of the other layout',
      advert: { service_data: { '181a': '5601cf38c1a44008bd13470c64' } },
      rejects: 'impossible values',
    },
    {
      name: 'pvvx, cut to what receivers open',
      advert: { service_data: { '181a': '2fdedf38c1a4' } },
      rejects: 'impossible values',
    },
    {
      name: 'encrypted, without key',
      advert: { address: 'A4:C1:38:00:11:22', service_data: { '181a': '071415e3aee15fbebe6352' } },
      gives: {},
    },
  ],
});
