// BTHome version 2: service data 0xFCD2, objects in a row, optionally encrypted.
import type { Advert } from '../../reading/advert.ts';
import { type Decoded, defineDecoder } from '../define.ts';
import { bthomeModels, counterOf, macBytes, modelOf, openBthome, withoutValues } from './bthome/device.ts';
import { cutShort, interpret, type Part } from './bthome/interpret.ts';
import { bthomeObjects } from './bthome/objects.ts';

const UUID = 'fcd2';
// Device information byte: bit 0 encrypted, bit 1 address included, bits 5 to 7 version.
const ENCRYPTED = 1;
const WITH_ADDRESS = 2;

function decode(advert: Advert): Decoded {
  const frame = advert.serviceData.get(UUID) ?? new Uint8Array();
  const info = frame[0];
  if (info === undefined) return { rejected: 'BTHome: service data is empty' };
  if (info >> 5 !== 2) return { rejected: `BTHome: version ${info >> 5} under the UUID of version 2` };
  const start = info & WITH_ADDRESS ? 7 : 1;
  if (frame.length < start) return { rejected: `BTHome: ${frame.length} bytes end inside the device address` };
  const ownAddress = info & WITH_ADDRESS ? frame.slice(1, 7).reverse() : undefined;
  const body = frame.subarray(start);
  if (info & ENCRYPTED) {
    if (body.length < 9) return { rejected: `BTHome: ${frame.length} bytes are too few for an encrypted frame` };
    const plain = openBthome(advert, ownAddress ?? macBytes(advert.address), [0xd2, 0xfc, info], body);
    if (typeof plain === 'string') return named(advert, withoutValues(plain, true));
    return named(advert, withCounter(objectsOf(plain), body));
  } else if (advert.bindkey !== undefined) {
    // Whoever can send an advert could otherwise speak for a device that encrypts.
    return named(advert, withoutValues('not encrypted although the device has a key', false));
  }
  return named(advert, objectsOf(body));
}

function objectsOf(body: Uint8Array): Decoded {
  const parts: Part[] = [];
  let at = 0;
  while (at < body.length) {
    const id = body[at++]!;
    const object = bthomeObjects.get(id);
    // Receivers that do not know an object cannot know its length; what stood before is valid (format, "Object ID order").
    if (object === undefined)
      return interpret(parts, `unknown object 0x${id.toString(16).padStart(2, '0')}, rest not read`);
    const length = object.bytes === 'counted' ? body[at++] : object.bytes;
    if (length === undefined || at + length > body.length) return cutShort(parts, id);
    parts.push({ object, bytes: body.subarray(at, at + length) });
    at += length;
  }
  return interpret(parts);
}

function withCounter(decoded: Decoded, sealed: Uint8Array): Decoded {
  return 'rejected' in decoded ? decoded : { ...decoded, counter: counterOf(sealed) };
}

function named(advert: Advert, decoded: Decoded): Decoded {
  return 'rejected' in decoded ? decoded : { ...decoded, deviceModel: modelOf(advert.name) };
}

const origin = 'Bluetooth-Devices/bthome-ble tests/test_parser_v2.py (MIT)';

export const decoder = defineDecoder({
  name: 'bthome-v2',
  vendor: 'BTHome',
  models: ['BTHome device', ...bthomeModels],
  source: 'https://bthome.io/format/',
  keys: [UUID],
  matches: advert => advert.serviceData.has(UUID),
  decode,
  examples: [
    {
      name: 'temperature, humidity, battery',
      origin,
      advert: { service_data: { fcd2: '400009015d025d0903b718' } },
      gives: { battery: 93, temperature: 23.97, humidity: 63.27 },
    },
    {
      name: 'two voltages of different objects',
      origin,
      advert: { service_data: { fcd2: '4000010b0000004a0d0901330ce90c' } },
      gives: { power: 0, voltage_1: 231.7, battery: 51, voltage_2: 3.305 },
    },
    {
      name: 'three temperatures, two humidities',
      origin,
      advert: { service_data: { fcd2: '4002ca0902cf0902cf0803b71803b717015d' } },
      gives: {
        temperature_1: 25.06,
        temperature_2: 25.11,
        temperature_3: 22.55,
        humidity_1: 63.27,
        humidity_2: 60.71,
        battery: 93,
      },
    },
    {
      name: 'three buttons, the first untouched',
      origin,
      advert: { service_data: { fcd2: '403a003a013a03' } },
      gives: { button_2: 'press', button_3: 'triple_press' },
    },
    {
      name: 'dimmer turned left by 3 steps',
      origin,
      advert: { service_data: { fcd2: '403c0103' } },
      gives: { dimmer: 'rotate_left', dimmer_steps: 3 },
    },
    {
      name: 'signed count of 4 bytes',
      origin,
      advert: { service_data: { fcd2: '405bea0234ea' } },
      gives: { count: -365690134 },
    },
    { name: 'signed power', origin, advert: { service_data: { fcd2: '405c02fbffff' } }, gives: { power: -12.78 } },
    {
      name: 'distance in m becomes mm',
      origin,
      advert: { service_data: { fcd2: '40414e00' } },
      gives: { distance: 7800 },
    },
    {
      name: 'temperature in steps of 0.35',
      origin,
      advert: { service_data: { fcd2: '4058ea' } },
      gives: { temperature: -7.7 },
    },
    {
      name: 'text',
      origin,
      advert: { service_data: { fcd2: '44530c48656c6c6f20576f726c6421' } },
      gives: { text: 'Hello World!' },
    },
    { name: 'text that is no UTF-8', origin, advert: { service_data: { fcd2: '44530187' } }, gives: {} },
    { name: 'time of the device', origin, advert: { service_data: { fcd2: '44505d396164' } }, gives: {} },
    {
      name: 'address in the frame',
      origin,
      advert: { service_data: { fcd2: '42b2188d38c1a404138a01' } },
      gives: { pressure: 1008.83 },
    },
    {
      name: 'encrypted, with key',
      origin,
      advert: {
        address: '54:48:E6:8F:80:A5',
        bindkey: '231d39c1d7cc1ab1aee224cd096db932',
        service_data: { fcd2: '4187b90011223372b0231f' },
      },
      gives: { motion: true },
    },
    {
      name: 'encrypted, with key and address in the frame',
      origin,
      advert: {
        bindkey: '231d39c1d7cc1ab1aee224cd096db932',
        service_data: { fcd2: '43a5808fe64854f196c06ffb4900112233f08ecbde' },
      },
      gives: { temperature: 25.06, humidity: 50.55 },
    },
    {
      name: 'encrypted, without key',
      origin,
      advert: { address: '54:48:E6:8F:80:A5', service_data: { fcd2: '4187b90011223372b0231f' } },
      gives: {},
    },
    {
      name: 'known objects before an unknown one',
      origin,
      advert: { service_data: { fcd2: '40015dfe5d0903b718' } },
      gives: { battery: 93 },
    },
    {
      name: 'one byte short: what stands before the cut object counts',
      origin,
      advert: { service_data: { fcd2: '4002ca0903bf' } },
      gives: { temperature: 25.06 },
    },
    {
      name: 'cut inside the second of three buttons',
      advert: { service_data: { fcd2: '400164' + '3a01' + '3a' } },
      gives: { battery: 100, button_1: 'press' },
    },
    {
      name: 'cut inside its first object',
      advert: { service_data: { fcd2: '4003bf' } },
      rejects: 'object 0x03 is longer than the frame',
    },
    {
      name: 'more than all',
      advert: { service_data: { fcd2: '4001ff' + '03ffff' + '45f6ff' } },
      gives: { temperature: -1 },
    },
    { name: 'wrong version', origin, advert: { service_data: { fcd2: 'e102000c0404138a01' } }, rejects: 'version 7' },
    {
      name: 'encrypted and too short',
      origin,
      advert: { service_data: { fcd2: '41ba0db07aeef600' } },
      rejects: 'too few',
    },
  ],
});
