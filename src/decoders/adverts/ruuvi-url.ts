// RuuviTag data formats 2 and 4: six bytes in the base64 fragment of an Eddystone URL, the formats of the first firmware.
import type { Advert } from '../../reading/advert.ts';
import { defineDecoder } from '../define.ts';
import { fieldsOf, pressure } from './ruuvi/fields.ts';

const UUID = 'feaa';
// Frame type (URL), power; 0x03 stands for "https://".
const URL = 0x10;
const HEAD = 2;
const ADDRESS = Buffer.from('\u0003ruu.vi/#');
const DIGITS = 8;
const FORMATS = new Set([2, 4]);

/** Format 4 appends a digit that only tells tags apart. */
function frameOf(advert: Advert): Uint8Array | undefined {
  const frame = advert.serviceData.get(UUID);
  if (frame?.[0] !== URL || !ADDRESS.equals(frame.subarray(HEAD, HEAD + ADDRESS.length))) return undefined;
  const start = HEAD + ADDRESS.length;
  const digits = Buffer.from(frame.subarray(start, start + DIGITS)).toString('latin1');
  return /^[\w-]{8}$/.test(digits) ? Buffer.from(digits, 'base64url') : undefined;
}

export const decoder = defineDecoder({
  name: 'ruuvi-url',
  vendor: 'Ruuvi',
  models: ['RuuviTag (formats 2 and 4)'],
  source: 'https://github.com/ruuvi/ruuvi-sensor-protocols/blob/master/dataformat_04.md',
  keys: [UUID],
  ranges: { humidity: [0, 127.5] },
  matches: advert => frameOf(advert) !== undefined,
  decode(advert) {
    const frame = frameOf(advert) ?? new Uint8Array();
    if (!FORMATS.has(frame[0] ?? 0)) return { rejected: `Ruuvi: format ${frame[0]} in a URL, expected 2 or 4` };
    const { unsigned, put, decoded } = fieldsOf(frame);
    // Sign and magnitude; the byte of the fraction is 0 in both formats, as both only tell whole degrees.
    const whole = unsigned(2, 1);
    put('temperature', whole, -1, raw => ((raw & 0x7f) + unsigned(3, 1) / 100) * (raw & 0x80 ? -1 : 1));
    put('humidity', unsigned(1, 1), -1, raw => raw / 2);
    put('pressure', unsigned(4, 2), -1, pressure);
    return decoded('RuuviTag', { format: frame[0]! });
  },
  examples: [
    {
      name: 'format 4, below zero',
      advert: { service_data: { [UUID]: '10f6' + '037275752e76692f23' + Buffer.from('BGSFAMNQx').toString('hex') } },
      gives: { temperature: -5, humidity: 50, pressure: 1000 },
    },
    {
      name: 'format 2',
      advert: { service_data: { [UUID]: '10ee' + '037275752e76692f23' + Buffer.from('AmQVAMNQ').toString('hex') } },
      gives: { temperature: 21, humidity: 50, pressure: 1000 },
    },
    {
      name: 'another format',
      advert: { service_data: { [UUID]: '10ee' + '037275752e76692f23' + Buffer.from('CWQVAMNQ').toString('hex') } },
      rejects: 'format 9',
    },
  ],
});
