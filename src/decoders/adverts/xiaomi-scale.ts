// Xiaomi Mi scales: weight in service data 0x181D, weight and impedance in 0x181B.
import type { Advert } from '../../reading/advert.ts';
import { type DecodedAdvert, defineDecoder } from '../define.ts';
import { rounded, viewOf } from './shared/numbers.ts';

const WEIGHT = '181d';
const BODY = '181b';
const WEIGHT_LENGTH = 10;
const BODY_LENGTH = 13;

const POUND = 0.453_592_37;
const CATTY = 0.5;

type Weighing = { pounds: boolean; catties: boolean; stable: boolean; removed: boolean; raw: number };

/** Raw is 200ths of a kilogram, or 100ths of a pound or catty. The mass stands once it is stable, also after stepping off. */
function massOf({ pounds, catties, stable, removed, raw }: Weighing): DecodedAdvert['telemetry'] {
  // Tenths of a gram: finer than any scale.
  const mass = rounded(pounds ? (raw * POUND) / 100 : catties ? (raw * CATTY) / 100 : raw / 200, 4);
  const weighed = stable && mass > 0;
  return { mass_non_stabilized: mass, ...(weighed ? { mass } : {}), stabilized: weighed && !removed };
}

function weight(view: DataView): DecodedAdvert['telemetry'] {
  const flags = view.getUint8(0);
  return massOf({
    pounds: (flags & 0x01) !== 0,
    catties: (flags & 0x10) !== 0,
    stable: (flags & 0x20) !== 0,
    removed: (flags & 0x80) !== 0,
    raw: view.getUint16(1, true),
  });
}

function bodyComposition(view: DataView): DecodedAdvert['telemetry'] {
  const flags = view.getUint8(1);
  const told = massOf({
    pounds: (view.getUint8(0) & 0x01) !== 0,
    catties: (flags & 0x40) !== 0,
    stable: (flags & 0x20) !== 0,
    removed: (flags & 0x80) !== 0,
    raw: view.getUint16(11, true),
  });
  return 'mass' in told && flags & 0x02 ? { ...told, impedance: view.getUint16(9, true) } : told;
}

function decode(advert: Advert): DecodedAdvert | { rejected: string } {
  const body = advert.serviceData.get(BODY);
  const frame = body ?? advert.serviceData.get(WEIGHT) ?? new Uint8Array();
  const length = body === undefined ? WEIGHT_LENGTH : BODY_LENGTH;
  if (frame.length !== length) return { rejected: `Mi scale: expected ${length} bytes, got ${frame.length}` };
  return body === undefined
    ? { telemetry: weight(viewOf(frame)), deviceModel: 'Mi Smart Scale' }
    : { telemetry: bodyComposition(viewOf(frame)), deviceModel: 'Mi Body Composition Scale' };
}

export const decoder = defineDecoder({
  name: 'xiaomi-scale',
  vendor: 'Xiaomi',
  models: ['Mi Smart Scale (XMTZC01HM, XMTZC04HM)', 'Mi Body Composition Scale (XMTZC02HM, XMTZC05HM, NUN4049CN)'],
  source: 'https://github.com/Bluetooth-Devices/xiaomi-ble',
  keys: [WEIGHT, BODY],
  matches: advert => advert.serviceData.has(WEIGHT) || advert.serviceData.has(BODY),
  decode,
  examples: [
    {
      name: 'kilograms, standing',
      advert: { service_data: { [WEIGHT]: '22104be9070c18091e05' } },
      gives: { mass_non_stabilized: 96.08, mass: 96.08, stabilized: true },
    },
    {
      name: 'pounds, stepped off',
      advert: { service_data: { [WEIGHT]: 'a31027e9070c18091e05' } },
      gives: { mass_non_stabilized: 45.3592, mass: 45.3592, stabilized: false },
    },
    {
      name: 'still moving',
      advert: { service_data: { [WEIGHT]: '02104be9070c18091e05' } },
      gives: { mass_non_stabilized: 96.08, stabilized: false },
    },
    {
      name: 'with impedance',
      advert: { service_data: { [BODY]: '0226e9070c18091e05ea01104b' } },
      gives: { mass_non_stabilized: 96.08, mass: 96.08, stabilized: true, impedance: 490 },
    },
    {
      name: 'catties',
      advert: { service_data: { [BODY]: '0064e9070c18091e0500001027' } },
      gives: { mass_non_stabilized: 50, mass: 50, stabilized: true },
    },
    { name: 'cut', advert: { service_data: { [WEIGHT]: '22104be9070c18091e' } }, rejects: 'expected 10 bytes, got 9' },
  ],
});
