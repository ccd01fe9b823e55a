// Finds the decoder of an advert; guards the flow against decoders that throw or give values that are none.
import { reasonOf } from '../kernel/fault.ts';
import type { Advert } from '../reading/advert.ts';
import { cleanText } from '../reading/payload.ts';
import type { Value } from '../reading/reading.ts';
import { advertOf } from './advert-record.ts';
import type { AdvertDecoder, DecodedAdvert, DecoderExample } from './define.ts';
import { type LoadedDecoder, loadFolder } from './load-folder.ts';
import { implausible } from './plausible.ts';

export type Verdict =
  | { decoder: AdvertDecoder; decoded: DecodedAdvert }
  /** `decoder` is missing where no decoder knows the advert. */
  | { rejected: string; decoder?: AdvertDecoder };

export type Registry = {
  decode(advert: Advert): Verdict;
  readonly decoders: readonly AdvertDecoder[];
};

export const NO_DECODER = 'no decoder knows this advert';

/** The decoder that matches decodes, generic ones are asked last; an error of one is a reason of this advert, nothing more. */
export function registryOf(decoders: readonly AdvertDecoder[]): Registry {
  const particular = ordered(decoders.filter(({ generic }) => !generic));
  const generic = ordered(decoders.filter(({ generic }) => generic));
  return {
    decoders,
    decode: advert => firstOf(particular, advert) ?? firstOf(generic, advert) ?? { rejected: NO_DECODER },
  };
}

type Ordered = { byKey: ReadonlyMap<string, readonly AdvertDecoder[]>; keyless: readonly AdvertDecoder[] };

function ordered(decoders: readonly AdvertDecoder[]): Ordered {
  const byKey = new Map<string, AdvertDecoder[]>();
  for (const decoder of decoders)
    for (const key of decoder.keys ?? []) byKey.set(key, [...(byKey.get(key) ?? []), decoder]);
  return { byKey, keyless: decoders.filter(({ keys }) => keys === undefined) };
}

const NONE: readonly AdvertDecoder[] = [];

function firstOf({ byKey, keyless }: Ordered, advert: Advert): Verdict | undefined {
  for (const data of [advert.manufacturerData, advert.serviceData])
    for (const key of data.keys()) {
      const verdict = answerOf(byKey.get(key) ?? NONE, advert);
      if (verdict !== undefined) return verdict;
    }
  return answerOf(keyless, advert);
}

function answerOf(decoders: readonly AdvertDecoder[], advert: Advert): Verdict | undefined {
  for (const decoder of decoders)
    try {
      if (!decoder.matches(advert)) continue;
      const decoded = decoder.decode(advert);
      return 'rejected' in decoded
        ? { rejected: String(decoded.rejected), decoder }
        : { decoder, decoded: withValuesOnly(decoded, decoder) };
    } catch (error) {
      return { rejected: `decoder ${decoder.name} failed: ${reasonOf(error)}`, decoder };
    }
  return undefined;
}

/** A value that is no finite number in its range, text or truth value leaves the telemetry and gives its reason; text is made storable. */
function withValuesOnly(decoded: DecodedAdvert, { ranges }: AdvertDecoder): DecodedAdvert {
  // Nearly all adverts are sound: nothing is copied for them.
  if (Object.keys(decoded.telemetry).every(metric => isSound(metric, decoded.telemetry[metric], ranges)))
    return decoded;
  const telemetry: Record<string, Value> = {};
  const quality = { ...decoded.quality };
  for (const [metric, value] of Object.entries<unknown>(decoded.telemetry))
    if (typeof value === 'string') telemetry[metric] = cleanText(value);
    else if (isSound(metric, value, ranges)) telemetry[metric] = value as Value;
    else quality[metric] = (typeof value === 'number' && implausible(metric, value, ranges)) || 'not a number';
  return { ...decoded, telemetry, quality };
}

function isSound(metric: string, value: unknown, ranges: AdvertDecoder['ranges']): boolean {
  if (typeof value === 'number') return Number.isFinite(value) && implausible(metric, value, ranges) === undefined;
  return typeof value === 'boolean' || (typeof value === 'string' && cleanText(value) === value);
}

/**
 * By file: why a decoder cannot stand beside another one, by an equal name or an example that both claim, and which of the
 * two is used: what stands already, then the first by file name.
 */
export function clashes(fresh: readonly LoadedDecoder[], standing: readonly LoadedDecoder[]): Map<string, string> {
  const reasons = new Map<string, string>();
  const before = standing.map(({ decoder }) => {
    const file = `the shipped ${decoder.name}`;
    return { decoder, file, used: `${file} is used` };
  });
  for (const one of fresh) {
    for (const other of before) {
      const why =
        one.decoder.name === other.decoder.name
          ? `has the name "${one.decoder.name}" that ${other.file} has`
          : (claims(one, other) ?? claims(other, one));
      if (why === undefined) continue;
      reasons.set(one.file, `${one.file}: ${why}; ${other.used}, ${one.file} is not`);
    }
    if (!reasons.has(one.file)) before.push({ ...one, used: `${one.file} comes first by its name and is used` });
  }
  return reasons;
}

/** Does `one` match an example of `other`? A `matches` that throws on it cannot stand beside it either. */
function claims(one: LoadedDecoder, other: LoadedDecoder): string | undefined {
  // A particular one is asked first.
  if (Boolean(one.decoder.generic) !== Boolean(other.decoder.generic)) return undefined;
  for (const { name, advert } of other.decoder.examples) {
    const parsed = advertOf(advert);
    if ('rejected' in parsed) continue;
    const example = `the example "${name}" of ${other.file}`;
    try {
      if (one.decoder.matches(parsed)) return `overlap: ${one.file} matches ${example}`;
    } catch (error) {
      return `matches of ${one.file} throws on ${example}: ${reasonOf(error)}`;
    }
  }
  return undefined;
}

/** Why an example does not hold, or undefined. */
export function exampleFault(decoder: AdvertDecoder, example: DecoderExample): string | undefined {
  const advert = advertOf(example.advert);
  if ('rejected' in advert) return `example "${example.name}": ${advert.rejected}`;
  if (!decoder.matches(advert)) return `example "${example.name}" is not matched`;
  const verdict = registryOf([decoder]).decode(advert);
  const got = 'rejected' in verdict ? verdict.rejected : verdict.decoded.telemetry;
  const right =
    'rejects' in example
      ? typeof got === 'string' && got.includes(example.rejects)
      : typeof got !== 'string' && sameTelemetry(got, example.gives);
  if (right) return undefined;
  const wanted = 'rejects' in example ? `a reason with "${example.rejects}"` : JSON.stringify(example.gives);
  return `example "${example.name}": expected ${wanted}, got ${typeof got === 'string' ? `"${got}"` : JSON.stringify(got)}`;
}

function sameTelemetry(a: Readonly<Record<string, Value>>, b: Readonly<Record<string, Value>>): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every(key => a[key] === b[key]);
}

let shipped: Promise<readonly LoadedDecoder[]> | undefined;

/** The decoders that come with Fieldline, loaded once per process. Rejects when one of them is at fault. */
export function shippedDecoders(): Promise<readonly LoadedDecoder[]> {
  shipped ??= loadFolder(new URL('./adverts/', import.meta.url)).then(({ loaded, faults }) => {
    const wrong = [...faults.values(), ...clashes(loaded, []).values()];
    if (wrong.length > 0) throw new Error(wrong.join('; '));
    return loaded;
  });
  return shipped;
}
