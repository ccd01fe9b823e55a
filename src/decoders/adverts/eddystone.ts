// Eddystone of any maker: service data 0xFEAA. UID, URL and EID tell who it is, TLM its voltage and temperature.
import { toHex } from '../../kernel/bytes.ts';
import type { Advert } from '../../reading/advert.ts';
import { type Decoded, defineDecoder } from '../define.ts';
import { rounded, viewOf } from './shared/numbers.ts';

const UUID = 'feaa';
const UID = 0x00;
const URL = 0x10;
const TLM = 0x20;
const EID = 0x30;
const TYPES = new Set([UID, URL, TLM, EID]);
/** Least lengths: type, power, namespace (10), instance (6); type, power, scheme; all of TLM; type, power, id (8). */
const LENGTHS: ReadonlyMap<number, number> = new Map([
  [UID, 18],
  [URL, 3],
  [TLM, 14],
  [EID, 10],
]);
const NO_TEMPERATURE = -0x8000;
const schemes = ['http://www.', 'https://www.', 'http://', 'https://'];
const endings = ['.com/', '.org/', '.edu/', '.net/', '.info/', '.biz/', '.gov/'];
const bare = endings.map(ending => ending.slice(0, -1));

function frameOf(advert: Advert): Uint8Array | undefined {
  const frame = advert.serviceData.get(UUID);
  return frame !== undefined && TYPES.has(frame[0] ?? -1) ? frame : undefined;
}

/** Codes below 14 stand for endings; others that no URL may hold say that there is no sound one. */
function urlOf(frame: Uint8Array): string | undefined {
  const scheme = schemes[frame[2]!];
  const parts = [...frame.subarray(3)].map(code =>
    code < 14 ? [...endings, ...bare][code] : code > 0x20 && code < 0x7f ? String.fromCharCode(code) : undefined,
  );
  return scheme === undefined || parts.includes(undefined) ? undefined : scheme + parts.join('');
}

/** 0 mV and the lowest temperature say "not measured". */
function telemetryOf(frame: Uint8Array): Decoded {
  if (frame[1] !== 0)
    return {
      telemetry: {},
      deviceModel: 'Eddystone',
      quality: { payload: 'encrypted, keys of these beacons are not taken' },
    };
  const view = viewOf(frame);
  const millivolts = view.getUint16(2);
  const raw = view.getInt16(4);
  return {
    telemetry: {
      ...(millivolts === 0 ? {} : { voltage: millivolts / 1000 }),
      ...(raw === NO_TEMPERATURE ? {} : { temperature: rounded(raw / 256, 2) }),
    },
    deviceModel: 'Eddystone',
    metadata: { adverts: view.getUint32(6), uptime: view.getUint32(10) / 10 },
  };
}

export const decoder = defineDecoder({
  name: 'eddystone',
  vendor: 'Several',
  models: ['Eddystone'],
  source: 'https://github.com/google/eddystone/blob/master/protocol-specification.md',
  generic: true,
  keys: [UUID],
  matches: advert => frameOf(advert) !== undefined,
  decode(advert): Decoded {
    const frame = frameOf(advert) ?? new Uint8Array();
    const type = frame[0] ?? -1;
    const length = LENGTHS.get(type) ?? 1;
    if (frame.length < length) return { rejected: `Eddystone: expected at least ${length} bytes, got ${frame.length}` };
    if (type === TLM) return telemetryOf(frame);
    const url = type === URL ? urlOf(frame) : undefined;
    const beacon =
      type === UID
        ? { namespace: toHex(frame.subarray(2, 12)), instance: toHex(frame.subarray(12, 18)) }
        : type === EID
          ? { ephemeral: toHex(frame.subarray(2, 10)) }
          : url === undefined
            ? {}
            : { url };
    return { telemetry: {}, deviceModel: 'Eddystone', metadata: { beacon } };
  },
  examples: [
    {
      name: 'TLM, below zero',
      advert: { service_data: { [UUID]: '2000' + '0bb8' + 'fb00' + '0000002a' + '00000064' } },
      gives: { voltage: 3, temperature: -5 },
    },
    {
      name: 'TLM that measures nothing',
      advert: { service_data: { [UUID]: '2000' + '0000' + '8000' + '0000002a' + '00000064' } },
      gives: {},
    },
    { name: 'UID', advert: { service_data: { [UUID]: '00ee' + '00112233445566778899' + 'aabbccddeeff' } }, gives: {} },
    { name: 'URL', advert: { service_data: { [UUID]: '10ee' + '03' + '6578616d706c6507' } }, gives: {} },
    { name: 'cut', advert: { service_data: { [UUID]: '20000bb8' } }, rejects: 'expected at least 14 bytes, got 4' },
  ],
});
