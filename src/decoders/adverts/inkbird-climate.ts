// Inkbird thermometers and hygrometers: 9 bytes that begin with the temperature, or 18 bytes after company 0x2449.
import { crc16modbus } from '../../kernel/bytes.ts';
import type { Advert } from '../../reading/advert.ts';
import { type Decoded, defineDecoder } from '../define.ts';
import { SERVICE, wholeFrame } from './inkbird/frame.ts';
import { rounded, viewOf } from './shared/numbers.ts';

const SHORT = 9;
const LONG = 18;
const LONG_COMPANY = '2449';
const AIR_MONITOR = '3254';
const AIR_MONITOR_LENGTH = 17;
const CONNECT_ONLY = '3154';

const SHORT_NAMES = /^[st]ps$/i;
const LONG_NAMES = /^i(?:bs|th)-\w+-?b$/i;

/**
 * Bytes 5 and 6 are a checksum of the five before them; it alone makes a frame of renamed devices certain. Frames of
 * devices known by their name are taken without it: public captures hold some whose checksum does not fit.
 */
const isChecked = (frame: Uint8Array): boolean => crc16modbus(frame.subarray(0, 5)) === (frame[5]! | (frame[6]! << 8));

type Kind = 'short' | 'long' | 'air' | 'silent';

function kindOf(advert: Advert): Kind | undefined {
  if (advert.manufacturerData.size === 0) return undefined;
  const name = advert.name ?? '';
  if (SHORT_NAMES.test(name)) return 'short';
  const long = advert.manufacturerData.get(LONG_COMPANY);
  if (long !== undefined && (LONG_NAMES.test(name) || (long.length === LONG - 2 && long.at(-1) === 0))) return 'long';
  const air = advert.manufacturerData.get(AIR_MONITOR);
  if (air !== undefined && (name.includes('IAM-T2') || (air[0] === 0x00 && air[1] === 0x62))) return 'air';
  if (name.includes('IAM-T1') && advert.manufacturerData.get(CONNECT_ONLY)?.[0] === 0x41) return 'silent';
  if (!advert.serviceUuids.includes(SERVICE)) return undefined;
  const frame = wholeFrame(advert);
  return frame?.length === SHORT && isChecked(frame) ? 'short' : undefined;
}

/** A humidity of nothing or of all ones, and a battery above 100, are not there. */
function short(frame: Uint8Array): Decoded {
  const view = viewOf(frame);
  const humidity = view.getUint16(2, true) / 100;
  const battery = view.getUint8(7);
  const quality: Record<string, string> = {};
  if (humidity > 100) quality['humidity'] = 'not available';
  if (battery > 100) quality['battery'] = 'not available';
  if (!isChecked(frame)) quality['payload'] = 'the checksum does not fit';
  return {
    telemetry: {
      temperature: view.getInt16(0, true) / 100,
      ...(humidity > 0 && humidity <= 100 ? { humidity } : {}),
      ...(battery <= 100 ? { battery } : {}),
    },
    quality,
    metadata: { externalProbe: view.getUint8(4) !== 0 },
  };
}

/** Frames without a checksum show damage only in values that cannot be. */
const impossible = { rejected: 'Inkbird: impossible humidity or battery, the frame is damaged' };

function long(frame: Uint8Array): Decoded {
  const view = viewOf(frame);
  const humidity = view.getUint16(8, true) / 10;
  const battery = view.getUint8(10);
  if (humidity > 100 || battery > 100) return impossible;
  return {
    telemetry: { temperature: view.getInt16(6, true) / 10, ...(humidity > 0 ? { humidity } : {}), battery },
  };
}

/** Big-endian; the temperature in °F where the display shows that. The battery byte is not understood. */
function air(frame: Uint8Array): Decoded {
  const view = viewOf(frame);
  const shown = view.getInt16(10) / 10;
  const humidity = view.getUint16(12) / 10;
  if (humidity > 100) return impossible;
  return {
    telemetry: {
      temperature: view.getUint8(9) & 0x02 ? rounded(((shown - 32) * 5) / 9) : shown,
      humidity,
      co2: view.getUint16(14),
    },
  };
}

const lengths: Readonly<Record<Exclude<Kind, 'silent'>, number>> = {
  short: SHORT,
  long: LONG,
  air: AIR_MONITOR_LENGTH,
};
const layouts = { short, long, air };

const origin = 'Bluetooth-Devices/inkbird-ble tests/test_parser.py (MIT)';

export const decoder = defineDecoder({
  name: 'inkbird-climate',
  vendor: 'Inkbird',
  models: ['IBS-TH', 'IBS-TH2', 'IBS-P01B', 'IBS-P02B', 'ITH-11-B', 'ITH-13-B', 'ITH-21-B', 'IAM-T1', 'IAM-T2'],
  source: 'https://github.com/Bluetooth-Devices/inkbird-ble',
  matches: advert => kindOf(advert) !== undefined,
  decode(advert) {
    const kind = kindOf(advert) ?? 'silent';
    if (kind === 'silent')
      return { telemetry: {}, deviceModel: 'Inkbird IAM-T1', quality: { payload: 'values only over a connection' } };
    const frame = wholeFrame(advert) ?? new Uint8Array();
    if (frame.length !== lengths[kind])
      return { rejected: `Inkbird: expected ${lengths[kind] - 2} bytes, got ${Math.max(0, frame.length - 2)}` };
    const named = /^(?:Ink@)?(I(?:BS|TH|AM)-[\w-]+)$/i.exec(advert.name ?? '')?.[1];
    const model = named ?? (kind === 'short' ? 'IBS-TH' : kind === 'air' ? 'IAM-T2' : 'IBS or ITH');
    const decoded = layouts[kind](frame);
    return 'rejected' in decoded ? decoded : { ...decoded, deviceModel: `Inkbird ${model}` };
  },
  examples: [
    {
      name: 'renamed, below zero',
      origin,
      advert: { name: 'N0BYD', service_uuids: [SERVICE], manufacturer_data: { f9ab: '1b1e0048e33708' } },
      gives: { temperature: -16.21, humidity: 77.07, battery: 55 },
    },
    {
      name: 'without humidity',
      advert: { name: 'tps', manufacturer_data: { '08fc': '000001b7b46408' } },
      gives: { temperature: 23, battery: 100 },
    },
    {
      name: 'ITH-21-B',
      origin,
      advert: {
        name: 'ITH-21-B',
        service_uuids: [SERVICE],
        manufacturer_data: { '2449': '07110098d80013026401900400000000' },
      },
      gives: { temperature: 21.6, humidity: 53.1, battery: 100 },
    },
    {
      name: 'pool thermometer',
      origin,
      advert: {
        name: 'IBS-P02B',
        service_uuids: [SERVICE],
        manufacturer_data: { '2449': '111800656e0100005f00000100000000' },
      },
      gives: { temperature: 36.6, battery: 95 },
    },
    {
      name: 'air monitor',
      origin,
      advert: { name: 'Ink@IAM-T2', manufacturer_data: { '3254': '006200a13e29bed4011a0227026791' } },
      gives: { temperature: 28.2, humidity: 55.1, co2: 615 },
    },
    {
      name: 'air monitor in °F',
      advert: { name: 'Ink@IAM-T2', manufacturer_data: { '3254': '006200a13e29bed602b20227026791' } },
      gives: { temperature: 20.555556, humidity: 55.1, co2: 615 },
    },
    {
      name: 'impossible humidity',
      advert: { name: 'ITH-11-B', manufacturer_data: { '2449': '0812005e00002d00ffff6408000000' + '00' } },
      rejects: 'the frame is damaged',
    },
    {
      name: 'checksum does not fit, known by its name',
      advert: { name: 'sps', manufacturer_data: { f9ab: '1b1e0048e43708' } },
      gives: { temperature: -16.21, humidity: 77.07, battery: 55 },
    },
    { name: 'cut', advert: { name: 'sps', manufacturer_data: { f9ab: '1b1e0048e337' } }, rejects: 'expected 7 bytes' },
  ],
});
