// Victron instant readout: manufacturer data of company 0x02E1, encrypted; the key stands in the VictronConnect app.
import { createCipheriv } from 'node:crypto';
import type { Value } from '../../reading/reading.ts';
import { type DecodedAdvert, defineDecoder } from '../define.ts';
import { rounded, viewOf } from './shared/numbers.ts';
import { batterySense, records, type VictronRecord } from './victron/records.ts';

const COMPANY = '02e1';
// First byte of an advertisement of the product; other first bytes carry no record.
const PRODUCT_ADVERTISEMENT = 0x10;
// Prefix (2), model (2), record type, counter (2), first byte of the key.
const HEAD = 8;
const BATTERY_SENSE = new Set([0xa3a4, 0xa3a5]);

/** AES in counter mode; unlike elsewhere, the block counter is little-endian and starts at the counter of the frame. */
function opened(sealed: Uint8Array, key: Uint8Array, counter: number): Uint8Array {
  const blocks = Buffer.alloc(Math.ceil(sealed.length / 16) * 16);
  for (let at = 0; at < blocks.length; at += 16) blocks.writeUInt32LE(counter + at / 16, at);
  const stream = createCipheriv('aes-128-ecb', key, null).setAutoPadding(false).update(blocks);
  return sealed.map((byte, at) => byte ^ stream[at]!);
}

function read(plain: Uint8Array, { fields, finish }: VictronRecord): DecodedAdvert {
  const telemetry: Record<string, Value> = {};
  const quality: Record<string, string> = {};
  const raw = new Map<string, number>();
  let at = 0;
  for (const { name, bits, signed, none, over = 1, offset = 0, words } of fields) {
    let value = 0;
    for (let bit = 0; bit < bits; bit++, at++) value += ((plain[at >> 3]! >> (at & 7)) & 1) * 2 ** bit;
    raw.set(name, value);
    if (value === none) quality[name] = 'not available';
    else if (words !== undefined) telemetry[name] = words(value);
    else telemetry[name] = rounded((signed && value >= 2 ** (bits - 1) ? value - 2 ** bits : value) / over + offset);
  }
  finish?.(telemetry, raw);
  return { telemetry, quality };
}

const closed = (reason: string): DecodedAdvert => ({ telemetry: {}, quality: { payload: reason } });

const origin = 'keshavdv/victron-ble tests (public domain)';
const example = (name: string, frame: string, bindkey: string, gives: Record<string, Value>) => ({
  name,
  origin,
  advert: { bindkey, manufacturer_data: { [COMPANY]: frame } },
  gives,
});

export const decoder = defineDecoder({
  name: 'victron',
  vendor: 'Victron Energy',
  models: [...[...records.values()].map(({ model }) => model), batterySense.model],
  source: 'https://github.com/keshavdv/victron-ble',
  keys: [COMPANY],
  matches: advert => advert.manufacturerData.has(COMPANY),
  decode(advert) {
    const frame = advert.manufacturerData.get(COMPANY) ?? new Uint8Array();
    if (frame[0] !== PRODUCT_ADVERTISEMENT) return { telemetry: {}, quality: { payload: 'no instant readout' } };
    if (frame.length <= HEAD) return { rejected: `Victron: expected more than ${HEAD} bytes, got ${frame.length}` };
    const view = viewOf(frame);
    const modelId = view.getUint16(2, true);
    const type = view.getUint8(4);
    const counter = view.getUint16(5, true);
    const record = BATTERY_SENSE.has(modelId) ? batterySense : records.get(type);
    const metadata = { encrypted: true, modelId: `0x${modelId.toString(16).padStart(4, '0')}` };
    if (record === undefined)
      return { telemetry: {}, metadata, quality: { payload: `unknown record type 0x${type.toString(16)}` } };
    const known = { deviceModel: `Victron ${record.model}`, metadata };
    const key = advert.bindkey;
    if (key === undefined) return { ...known, ...closed('encrypted, key missing') };
    if (key.length !== 16) return { ...known, ...closed(`encrypted, key has ${key.length} bytes instead of 16`) };
    if (key[0] !== view.getUint8(7)) return { ...known, ...closed('encrypted, wrong key') };
    const sealed = frame.subarray(HEAD);
    const bytes = Math.ceil(record.fields.reduce((sum, { bits }) => sum + bits, 0) / 8);
    if (sealed.length < bytes)
      return { rejected: `Victron ${record.model}: expected ${bytes} encrypted bytes, got ${sealed.length}` };
    return { ...known, ...read(opened(sealed, key, counter), record), counter: { value: counter, bits: 16 } };
  },
  examples: [
    example('DC-DC converter', '1000c0a304121d64ca8d442b90bbdf6a8cba', '64ba49f1a8562e45197a8e1fe50d7658', {
      charge_state: 'off',
      charger_error: 'no_error',
      input_voltage: 13.15,
      off_reason: 'engine_shutdown',
    }),
    example('DC energy meter', '100289a30d787fafde83ccec982199fd815286', 'aff4d0995b7d1e176c0c33ecb9e70dcd', {
      meter_type: 'dc_dc_charger',
      aux_mode: 'starter_voltage',
      starter_voltage: -0.01,
      voltage: 12.52,
      current: 0,
    }),
    example('battery sense', '1000a4a3025f150d8dcbff517f30eb65e76b22a04ac4e1', '0da694539597f9cf6c613cde60d7bf05', {
      voltage: 12.22,
      temperature: 22.5,
    }),
    example('battery monitor', '100289a302b040af925d09a4d89aa0128bdef48c6298a9', 'aff4d0995b7d1e176c0c33ecb9e70dcd', {
      voltage: 12.53,
      alarm: 'no_alarm',
      aux_mode: 'disabled',
      current: 0,
      consumed_ah: -50,
      soc: 50,
    }),
    example('solar charger', '100242a0016207adceb37b605d7e0ee21b24df5c', 'adeccb947395801a4dd45a2eaa44bf17', {
      charge_state: 'absorption',
      charger_error: 'no_error',
      battery_voltage: 13.88,
      battery_charging_current: 1.4,
      yield_today: 30,
      solar_power: 19,
      external_device_load: 0,
    }),
    example('VE.Bus', '100380270ce1b2dabd34912a6ecec963899227a220', 'da3f5fa2860cb1cf86ba7a6d1d16b9dd', {
      device_state: 'inverting',
      error: 0,
      battery_current: -5.9,
      battery_voltage: 12.43,
      ac_in_state: 'not_connected',
      ac_in_power: 0,
      ac_out_power: 45,
      alarm: 'no_alarm',
      battery_temperature: 30,
    }),
    example('AC charger', '100030a308f926c1b5170a0d2280335bf12d5ed083', 'c129cf8f75c3fe5a1655b481e205fb7d', {
      charge_state: 'storage',
      charger_error: 'no_error',
      output_voltage1: 13.49,
      output_current1: 0.4,
      temperature: 21,
    }),
    example('Multi RS', '100043a40bf4e434af0e46c3b8eb68e08e616993f70c', '346c410e8c824dd723c0f5b13b9eabc8', {
      device_state: 'inverting',
      charger_error: 'no_error',
      battery_current: -12.8,
      battery_voltage: 51.71,
      active_ac_in: 'not_connected',
      active_ac_in_power: 0,
      active_ac_out_power: 722,
      pv_power: 0,
      yield_today: 5.32,
    }),
    example('battery protect', '1080b0a3093523fadedea38b1af8bcbde91ca8b6dbb60e', 'fac570d66380b797a5b7543758be00e4', {
      device_state: 'active',
      output_state: 'on',
      error_code: 'no_error',
      alarm_reason: 'no_alarm',
      warning_reason: 'no_alarm',
      input_voltage: 13.07,
      output_voltage: 13.07,
      off_reason: 'no_reason',
    }),
    example('key of another device', '100289a302bb01af129087600b9b97bc2c32867c8238da', 'f'.repeat(32), {}),
    { name: 'without key', advert: { manufacturer_data: { [COMPANY]: '100289a302bb01af12908760' } }, gives: {} },
    {
      name: 'cut',
      advert: {
        bindkey: '64ba49f1a8562e45197a8e1fe50d7658',
        manufacturer_data: { [COMPANY]: '1000c0a304121d64ca8d442b90bbdf6a8c' },
      },
      rejects: 'expected 10 encrypted bytes, got 9',
    },
  ],
});
