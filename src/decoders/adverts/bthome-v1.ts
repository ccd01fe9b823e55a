// BTHome version 1: service data 0x181C, or 0x181E encrypted; every object says its own length and coding.
import type { Advert } from '../../reading/advert.ts';
import { type Decoded, defineDecoder } from '../define.ts';
import { bthomeModels, counterOf, macBytes, modelOf, openBthome, withoutValues } from './bthome/device.ts';
import { cutShort, integer, interpret, type Part } from './bthome/interpret.ts';
import { bthomeObjects } from './bthome/objects.ts';

const PLAIN = '181c';
const ENCRYPTED = '181e';

function decode(advert: Advert): Decoded {
  const plain = advert.serviceData.get(PLAIN);
  if (plain !== undefined) {
    if (advert.bindkey === undefined) return named(advert, objectsOf(plain));
    return named(advert, withoutValues('not encrypted although the device has a key', false));
  }
  const sealed = advert.serviceData.get(ENCRYPTED) ?? new Uint8Array();
  if (sealed.length < 10) return { rejected: `BTHome: ${sealed.length} bytes are too few for an encrypted frame` };
  const opened = openBthome(advert, macBytes(advert.address), [0x1e, 0x18], sealed, Uint8Array.of(0x11));
  if (typeof opened === 'string') return named(advert, withoutValues(opened, true));
  const decoded = objectsOf(opened);
  return named(advert, 'rejected' in decoded ? decoded : { ...decoded, counter: counterOf(sealed) });
}

function objectsOf(body: Uint8Array): Decoded {
  if (body.length === 0) return { rejected: 'BTHome: service data is empty' };
  const parts: Part[] = [];
  const unknown: string[] = [];
  let at = 0;
  while (at < body.length) {
    // Bits 0 to 4: length of id and value; bits 5 to 7: how the value is coded.
    const length = (body[at]! & 0x1f) - 1;
    const coding = body[at]! >> 5;
    const id = body[at + 1];
    if (id === undefined || length < 0 || at + 2 + length > body.length) return cutShort(parts, id);
    const bytes = body.subarray(at + 2, at + 2 + length);
    at += 2 + length;
    // Coding 4 is the device address.
    if (coding === 4) continue;
    const object = bthomeObjects.get(id);
    const fits = object !== undefined && length > 0 && !(object.is === 'number' && (length > 6 || coding > 2));
    if (!fits) unknown.push(`0x${id.toString(16).padStart(2, '0')}`);
    else if (object.is === 'number') parts.push({ object, bytes, number: numberOf(bytes, coding) });
    else parts.push({ object, bytes });
  }
  return interpret(parts, unknown.length === 0 ? undefined : `unknown object ${unknown.join(', ')}`);
}

function numberOf(bytes: Uint8Array, coding: number): number {
  if (coding !== 2) return integer(bytes, coding === 1);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length === 2) return half(view.getUint16(0, true));
  // Seven digits are what a float32 carries; more of them are binary noise.
  return bytes.length === 4 ? Number(view.getFloat32(0, true).toPrecision(7)) : Number.NaN;
}

/** IEEE 754 binary16 (DataView has it from Node 24 on only). */
function half(bits: number): number {
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  const size =
    exponent === 0 ? fraction * 2 ** -24 : exponent === 31 ? Number.NaN : (1 + fraction / 1024) * 2 ** (exponent - 15);
  return bits & 0x8000 ? -size : size;
}

function named(advert: Advert, decoded: Decoded): Decoded {
  return 'rejected' in decoded ? decoded : { ...decoded, deviceModel: modelOf(advert.name) };
}

const origin = 'Bluetooth-Devices/bthome-ble tests/test_parser_v1.py (MIT)';

export const decoder = defineDecoder({
  name: 'bthome-v1',
  vendor: 'BTHome',
  models: ['BTHome device (version 1)', ...bthomeModels],
  source: 'https://bthome.io/v1/',
  keys: [PLAIN, ENCRYPTED],
  matches: advert =>
    (advert.serviceData.has(PLAIN) || advert.serviceData.has(ENCRYPTED)) && !advert.serviceData.has('fcd2'),
  decode,
  examples: [
    {
      name: 'temperature, humidity, battery',
      origin,
      advert: { service_data: { '181c': '23025d090303b71802015d' } },
      gives: { temperature: 23.97, humidity: 63.27, battery: 93 },
    },
    {
      name: 'packet, binary power and voltage',
      origin,
      advert: { service_data: { '181c': '0200b4021000030cbe0b' } },
      gives: { power: false, voltage: 3.006 },
    },
    {
      name: 'half precision number',
      origin,
      advert: { service_data: { '181c': '4306fe70' } },
      gives: { mass: 102.24 },
    },
    { name: 'signed number', origin, advert: { service_data: { '181c': '2308ca06' } }, gives: { dew_point: 17.38 } },
    {
      name: 'with the address of the device',
      advert: { service_data: { '181c': '86a5808fe6485402015d' } },
      gives: { battery: 93 },
    },
    {
      name: 'an object that is not known',
      advert: { service_data: { '181c': '02fe0102015d' } },
      gives: { battery: 93 },
    },
    {
      name: 'encrypted, with key',
      origin,
      advert: {
        address: '54:48:E6:8F:80:A5',
        bindkey: '231d39c1d7cc1ab1aee224cd096db932',
        service_data: { '181e': 'fba435e4d3c312fb0011223357d90a99' },
      },
      gives: { temperature: 25.06, humidity: 50.55 },
    },
    {
      name: 'encrypted, without key',
      advert: { service_data: { '181e': 'fba435e4d3c312fb0011223357d90a99' } },
      gives: {},
    },
    {
      name: 'lying length after a whole object',
      advert: { service_data: { '181c': '23025d09' + '1f03b718' } },
      gives: { temperature: 23.97 },
    },
    { name: 'lying length', advert: { service_data: { '181c': '1f025d09' } }, rejects: 'longer than the frame' },
  ],
});
