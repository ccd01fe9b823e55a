// What was posted, item by item: readings, and every fault of every item with the field that is wrong.
import { digest } from '../kernel/bytes.ts';
import { expected } from '../kernel/fault.ts';
import { type Making, type Origin, finished } from '../reading/finished.ts';
import { ingest } from '../reading/ingest.ts';
import {
  bluetoothName,
  deepText,
  type Draft,
  deviceName,
  isJson,
  noNumber,
  type Json,
  limits,
  parseJson,
  shallowEnough,
  tame,
} from '../reading/payload.ts';
import type { Reading } from '../reading/reading.ts';
import { type TimeLimits, timeLimits } from '../reading/time.ts';
import { postedName, timeFault } from './posted.ts';
import { unitOf } from '../reading/units.ts';

/** `field`: the metric, or the field as the sender wrote it; undefined where the item as a whole is wrong. */
export type FieldFault = { field?: string; detail: string };
export type Item = { reading: Reading; bytes: Uint8Array } | { faults: readonly FieldFault[]; deviceId?: string };
/** `whole`: the fault of a body that has no items. `batch`: the body was an array. */
export type Body = { whole: FieldFault; tooMany?: boolean } | { batch: boolean; items: readonly Item[] };

export type Reader = {
  /** Device that the address names; the items need not say it then. */
  deviceId?: string | undefined;
  origin: Origin;
  /** Organisation of the key. */
  orgId?: string | undefined;
  topic: string;
  maxItems: number;
  limits?: TimeLimits;
};

/** Metrics of the seeds that are numbers wherever they appear, beside those that have a unit. */
const NUMBERS: ReadonlySet<string> = new Set(['flow_rate', 'totalizer', 'battery_estimate', 'measurements_today']);
const MAX_METRICS = 500;
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Never throws. Where a key stands twice in an object, its last value counts, as everywhere in JSON. */
export function readBody(bytes: Uint8Array, reader: Reader): Body {
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    return { whole: { detail: 'body: expected JSON in UTF-8, got other bytes' } };
  }
  const tooDeep: Body = { whole: { detail: `body: expected at most ${limits.depth} levels, got more` } };
  if (deepText(text)) return tooDeep;
  const parsed = parseJson(text);
  if (parsed === undefined) return { whole: { detail: expected('body', 'JSON', text.slice(0, 100)) } };
  if (!shallowEnough(parsed)) return tooDeep;
  if (!Array.isArray(parsed)) {
    const identity = { text: bytes, parser: 'ingest', receiptSuffix: '' };
    return { batch: false, items: [readItem(tame(parsed, text), parsed, identity, reader)] };
  }
  if (parsed.length === 0) return { whole: { detail: 'body: expected one reading or more, got []' } };
  if (parsed.length > reader.maxItems)
    return {
      whole: { detail: expected('body', `at most ${reader.maxItems} readings`, parsed.length) },
      tooMany: true,
    };
  const harmless = tame(parsed, text) as unknown[];
  const items = parsed.map((given: unknown, at) => {
    const identity = { text: Buffer.from(JSON.stringify(given)), parser: 'ingest', receiptSuffix: `/${at}` };
    return readItem(harmless[at], given, identity, reader);
  });
  return { batch: true, items };
}

type Identity = Omit<Making, 'digest'> & { text: Uint8Array };

/** `item`: what is `given`, made harmless. */
function readItem(item: unknown, given: unknown, { text, ...making }: Identity, reader: Reader): Item {
  if (!isJson(item) || !isJson(given)) return { faults: [{ detail: expected('item', 'a JSON object', item) }] };
  const faults: FieldFault[] = [];
  const deviceId = takeDevice(item, given, reader.deviceId, faults);
  const untimely = timeFault('timestamp', item['timestamp']);
  if (untimely !== undefined) faults.push({ field: 'timestamp', detail: untimely });
  const flat = !isJson(item['telemetry']);
  const draft: Draft = { deviceId, protocol: undefined, time: undefined, telemetry: {}, metadata: {} };
  const wrong = ingest(item, draft, reader.topic);
  if (wrong === undefined) checkValues(draft, flat, faults);
  else faults.push({ field: wrong.slice(0, wrong.indexOf(':')), detail: wrong });
  if (faults.length > 0) return { faults, ...(deviceId === undefined ? {} : { deviceId }) };
  const reading = finished(draft, reader.origin, { ...making, digest: digest(text) }, reader.limits ?? timeLimits);
  if (reader.orgId !== undefined) reading.metadata.orgId = reader.orgId;
  reading.metadata.raw = { topic: reader.topic, hex: Buffer.from(text).toString('hex') };
  return { reading, bytes: text };
}

/** Takes the name out of the item, so that it becomes no metric. */
function takeDevice(item: Json, given: Json, named: string | undefined, faults: FieldFault[]): string | undefined {
  const field = given['deviceId'] === undefined ? 'device_id' : 'deviceId';
  const value = given[field];
  item[field] = undefined;
  if (value === undefined && named !== undefined) return named;
  const posted = postedName(field, value);
  if ('fault' in posted) {
    faults.push({ field, detail: posted.fault });
    return named ?? deviceName(value);
  }
  if (named !== undefined && bluetoothName(posted.name) !== bluetoothName(named))
    faults.push({ field, detail: expected(field, `the device of the address, ${named}`, value) });
  return named ?? posted.name;
}

function checkValues(draft: Draft, flat: boolean, faults: FieldFault[]): void {
  const { telemetry, metadata } = draft;
  const metrics = Object.keys(telemetry);
  const absent = Object.entries(metadata.quality ?? {}).map(([field, detail]) => ({ field, detail }));
  // One that is absent becomes a row as well; each with its fault would be an answer larger than the body.
  const count = metrics.length + absent.length;
  if (count > MAX_METRICS) {
    faults.push({ detail: expected('item', `at most ${MAX_METRICS} metrics`, count) });
    return;
  }
  for (const metric of metrics) {
    if (!isNumeric(metric) || typeof telemetry[metric] === 'number') continue;
    faults.push({ field: metric, detail: noNumber(metric, telemetry[metric]) });
  }
  for (const metric in metadata.extra)
    if (isNumeric(metric) && typeof metadata.extra[metric] === 'object')
      faults.push({ field: metric, detail: expected(metric, 'a number', metadata.extra[metric]) });
  // A remark alone is no measurement; in `telemetry` the sender calls it one.
  if (faults.length > 0 || metrics.some(metric => !flat || typeof telemetry[metric] !== 'string')) return;
  faults.push(...(absent.length > 0 ? absent : [{ detail: 'item: expected at least one measurement, got none' }]));
}

function isNumeric(metric: string): boolean {
  return NUMBERS.has(metric) || unitOf(metric) !== undefined;
}
