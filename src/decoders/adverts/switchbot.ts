// SwitchBot: the model in service data 0xFD3D (older: 0x0D00), values there or behind the address in company 0x0969.
import { toHex } from '../../kernel/bytes.ts';
import type { Advert } from '../../reading/advert.ts';
import { type Decoded, defineDecoder } from '../define.ts';
import { byEnding, byLetter, type Model } from './switchbot/models.ts';
import type { Parts } from './switchbot/sensors.ts';

const SERVICES = ['fd3d', '0d00'] as const;
const COMPANY = '0969';
// Address (6) and sequence (1) come first in the manufacturer data.
const ADDRESS = 6;
// While being paired a device sends its letter with this bit turned over.
const PAIRING = 0x20;
// Letter, state, battery; at the end the model of newer devices.
const WITH_ENDING = 6;

function partsOf(advert: Advert): Parts {
  const service = SERVICES.map(uuid => advert.serviceData.get(uuid)).find(bytes => bytes !== undefined);
  return {
    service: service ?? new Uint8Array(),
    maker: advert.manufacturerData.get(COMPANY)?.subarray(ADDRESS) ?? new Uint8Array(),
  };
}

function modelOf({ service }: Parts, name: string | undefined): Model | undefined {
  if (service.length === 0)
    return byLetter.get(/^WoIOSensor/.test(name ?? '') ? 'w' : /^WoSensorTH/.test(name ?? '') ? 'i' : '');
  const letter = service[0]! & 0x7f;
  return (
    byLetter.get(String.fromCharCode(letter)) ??
    byLetter.get(String.fromCharCode(letter ^ PAIRING)) ??
    endingOf(service) ??
    endingOf(service.subarray(0, -1))
  );
}

function endingOf(service: Uint8Array): Model | undefined {
  return service.length >= WITH_ENDING - 1 && service.at(-4)! <= 1
    ? byEnding.get(toHex(service.subarray(-3)))
    : undefined;
}

function decode(advert: Advert): Decoded {
  const parts = partsOf(advert);
  const model = modelOf(parts, advert.name);
  if (model === undefined) return { telemetry: {}, quality: { payload: 'the model is not known from this advert' } };
  // The first three bytes alone are what comes with the values in the manufacturer data.
  const { length } = parts.service;
  if (model.bytes !== undefined && length !== 0 && length !== 3 && length < model.bytes)
    return { rejected: `SwitchBot ${model.name}: expected at least ${model.bytes} bytes, got ${length}` };
  return { telemetry: model.values(parts), deviceModel: `SwitchBot ${model.name}` };
}

const origin = 'sblibs/pySwitchbot tests/test_adv_parser.py (MIT)';

export const decoder = defineDecoder({
  name: 'switchbot',
  vendor: 'SwitchBot',
  models: [...new Set([...byLetter.values(), ...byEnding.values()].map(({ name }) => name))],
  source: 'https://github.com/OpenWonderLabs/SwitchBotAPI-BLE',
  keys: [COMPANY, ...SERVICES],
  matches: advert => advert.manufacturerData.has(COMPANY) || SERVICES.some(uuid => advert.serviceData.has(uuid)),
  decode,
  examples: [
    {
      name: 'meter, below zero',
      advert: { service_data: { fd3d: '540064050a2d' } },
      gives: { battery: 100, temperature: -10.5, humidity: 45 },
    },
    {
      name: 'outdoor meter',
      advert: { service_data: { fd3d: '770055' }, manufacturer_data: { [COMPANY]: 'd0c84411223301030395400000' } },
      gives: { battery: 85, temperature: 21.3, humidity: 64 },
    },
    {
      name: 'meter that only names itself',
      advert: { name: 'WoSensorTHP', manufacturer_data: { [COMPANY]: 'd0c8441122330103079641' } },
      gives: { temperature: 22.7, humidity: 65 },
    },
    {
      name: 'meter with CO2',
      advert: {
        service_data: { fd3d: '350064' },
        manufacturer_data: { [COMPANY]: 'd0c84411223301640596320024029f00' },
      },
      gives: { battery: 100, temperature: 22.5, humidity: 50, co2: 671 },
    },
    {
      name: 'curtain',
      advert: { service_data: { fd3d: '63c0580a3104' } },
      gives: { battery: 88, position: 90, moving: false, light_level: 3 },
    },
    {
      name: 'blind tilt, moving',
      advert: { service_data: { fd3d: '780052' }, manufacturer_data: { [COMPANY]: 'd0c84411223381a5b224' } },
      gives: { battery: 82, tilt: 50, motion: true, light_level: 2 },
    },
    {
      name: 'motion',
      advert: { service_data: { fd3d: '7340640000e2' } },
      gives: { battery: 100, motion: true, light: true },
    },
    {
      name: 'contact, not closed in time',
      advert: { service_data: { fd3d: '6400640400200010f1' } },
      gives: { battery: 100, motion: false, light: false, opening: true },
    },
    { name: 'bot, off', advert: { service_data: { '0d00': '48d04c' } }, gives: { battery: 76, power: false } },
    {
      name: 'plug',
      advert: { service_data: { fd3d: '6700' }, manufacturer_data: { [COMPANY]: 'd0c84411223305800030012c' } },
      gives: { switch: true, power: 30 },
    },
    {
      name: 'water',
      advert: { service_data: { fd3d: '2600' }, manufacturer_data: { [COMPANY]: 'd0c84411223305640100' } },
      gives: { battery: 100, low_battery: false, moisture: true, tamper: false },
    },
    {
      name: 'Hub 2',
      origin,
      advert: {
        service_data: { fd3d: '7600' },
        manufacturer_data: { [COMPANY]: 'aabbccddeeff00ff66541af182079a3200' },
      },
      gives: { temperature: 26.7, humidity: 50, light_level: 2 },
    },
    {
      name: 'Hub 3',
      origin,
      advert: {
        service_data: { fd3d: '0000640010b940' },
        manufacturer_data: { [COMPANY]: 'b0e9fe6e5e2900ff6826d6648303993480' },
      },
      gives: { temperature: 25.3, humidity: 52, light_level: 3, motion: true },
    },
    {
      name: 'Lock Ultra',
      origin,
      advert: {
        service_data: { fd3d: '0080340010a5b8' },
        manufacturer_data: { [COMPANY]: 'b0e9feb66a3d258230340004' },
      },
      gives: { battery: 52, lock: false, lock_state: 'locked', door: true },
    },
    {
      name: 'Relay Switch 1PM',
      origin,
      advert: {
        service_data: { fd3d: '3c000000' },
        manufacturer_data: { [COMPANY]: '24587c08363647810000003100000000' },
      },
      gives: { switch: true, power: 49 },
    },
    {
      name: 'Climate Panel',
      origin,
      advert: {
        service_data: { fd3d: '00205f0010f3d840' },
        manufacturer_data: { [COMPANY]: 'b0e9fe843805061405992d00000000d4000c0400' },
      },
      gives: { power: false, battery: 20, temperature: 25.5, humidity: 45, motion: true, light: true },
    },
    {
      name: 'Smart Thermostat Radiator',
      origin,
      advert: {
        service_data: { fd3d: '00206400113640' },
        manufacturer_data: { [COMPANY]: 'b0e9fea2547c36e4009ca34100' },
      },
      gives: { power: true, battery: 100, temperature: 28, target_temperature: 35, opening: false },
    },
    {
      name: 'Weather Station',
      origin,
      advert: {
        service_data: { fd3d: '000050001053b0' },
        manufacturer_data: { [COMPANY]: 'aabbccddeeff0150069a230000000000' },
      },
      gives: { temperature: 26.6, humidity: 35, battery: 80 },
    },
    {
      name: 'Weather Station that sends no maker data',
      advert: { service_data: { fd3d: '010050069a23001053b0' } },
      gives: { temperature: 26.6, humidity: 35, battery: 80 },
    },
    {
      name: 'K20 Vacuum',
      origin,
      advert: { service_data: { fd3d: '2e0064' }, manufacturer_data: { [COMPANY]: 'b0e9fe01f38f270111530010640f' } },
      gives: { battery: 100 },
    },
    {
      name: 'Lock Lite, while being paired',
      advert: { service_data: { fd3d: '0d8064' }, manufacturer_data: { [COMPANY]: 'e9d511b26b5317930820' } },
      gives: { battery: 100, lock: true, lock_state: 'unlocked' },
    },
    { name: 'cut', advert: { service_data: { fd3d: '540064050a' } }, rejects: 'expected at least 6 bytes, got 5' },
    { name: 'a model that is not known', advert: { service_data: { fd3d: '7f0064' } }, gives: {} },
  ],
});
