// Which part of the archive: a range of time, a scanner, a device, a topic filter; checked, and as SQL.
import { expected, Fault } from '../kernel/fault.ts';
import { filterFault } from '../kernel/topic.ts';
import { completed, isoTime } from '../reading/time.ts';

/**
 * Times are ISO 8601 with Z; `from` belongs to the range, `to` does not. What is left out does not limit. `kind`: adverts
 * alone, whatever the prefix of their topics.
 */
export type Selection = {
  from?: string;
  to?: string;
  scanner?: string;
  device?: string;
  topic?: string;
  kind?: 'advert';
};

const KEYS = ['from', 'to', 'scanner', 'device', 'topic'] as const;
const AGO = /^(\d+(?:\.\d+)?)\s*(s|min|m|h|d|w)$/;
const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};
const MAX_TEXT = 200;
/** Years that PostgreSQL reads in this form. */
const IN_ERA = /^(?!0000)\d{4}-/;
const FIRST_MS = Date.parse('0001-01-01T00:00:00Z');

/**
 * Reads what an operator, a message or a command line gives. A time is ISO 8601, also a date alone or without seconds, or how long ago it is (`90s`, `15min`,
 * `24h`, `7d`). Empty texts count as left out. Throws a Fault FIELDLINE_SETTING that names the part at fault.
 */
export function selectionOf(given: unknown, now: number): Selection {
  if (given === undefined || given === null) return {};
  if (typeof given !== 'object' || Array.isArray(given)) throw wrong('replay', 'an object with from, to …', given);
  const parts = given as Record<string, unknown>;
  const selection: Selection = {};
  for (const key of KEYS) {
    const value = parts[key];
    if (value === undefined || value === null || (typeof value === 'string' && value.trim() === '')) continue;
    selection[key] = key === 'from' || key === 'to' ? timeOf(key, value, now) : textOf(key, value);
  }
  const fault = selection.topic === undefined ? undefined : filterFault(selection.topic);
  if (fault !== undefined) throw wrong('topic', `a topic filter (${fault})`, selection.topic);
  const { from, to } = selection;
  if (from !== undefined && to !== undefined && digitsOf(from) >= digitsOf(to))
    throw wrong('to', `a time after ${from}`, to);
  return selection;
}

/** How a selection was put, such as `24h`, of whatever `selectionOf` takes: the same for whoever asks for the same again later. */
export function wordsOf(given: object): Readonly<Record<string, string>> {
  const parts = given as Record<string, unknown>;
  const words = KEYS.map(key => [key, String(parts[key] ?? '').trim()] as const);
  return Object.fromEntries(words.filter(([, text]) => text !== ''));
}

/** Of two times the earlier has the lesser text, whatever the number of their digits. */
const digitsOf = (time: string): string => time.slice(0, -1).padEnd('2026-01-01T00:00:00.123456789'.length, '0');

function timeOf(where: string, value: unknown, now: number): string {
  const ago = typeof value === 'string' ? AGO.exec(value.trim()) : null;
  const unit = ago === null ? 0 : (UNIT_MS[ago[2] ?? ''] ?? 0);
  const said = typeof value === 'string' ? completed(value) : value;
  const time = ago === null ? isoTime(said) : new Date(Math.max(FIRST_MS, now - Number(ago[1]) * unit)).toISOString();
  if (time === undefined || !IN_ERA.test(time))
    throw wrong(where, 'a time in ISO 8601, or how long ago such as 24h', value);
  return time;
}

function textOf(where: string, value: unknown): string {
  if (typeof value !== 'string' || value.includes('\0') || value.length > MAX_TEXT)
    throw wrong(where, `a text of at most ${MAX_TEXT} characters`, value);
  return value.trim();
}

function wrong(where: string, what: string, got: unknown): Fault {
  return new Fault('FIELDLINE_SETTING', expected(where, what, got));
}

type Condition = { sql: string; values: readonly unknown[] };

/** Its time alone, as a condition on raw_advertisements; parameters are numbered from `first`. */
export function spanOf({ from, to }: Selection, first: number): Condition {
  const values = [from, to].filter(time => time !== undefined);
  const all = ['true'];
  if (from !== undefined) all.push(`timestamp >= $${first}::timestamptz`);
  if (to !== undefined) all.push(`timestamp < $${first + values.length - 1}::timestamptz`);
  return { sql: all.join(' AND '), values };
}

/** A topic that is too long for the index stands whole in the metadata. */
const TOPIC = "coalesce(metadata ->> 'topic', topic)";

/** All of it, as a condition on raw_advertisements; parameters are numbered from `first`. */
export function conditionOf(selection: Selection, first: number): Condition {
  const span = spanOf(selection, first);
  const values: unknown[] = [...span.values];
  const bind = (value: unknown) => `$${first + values.push(value) - 1}`;
  // A Modbus frame means nothing without the register map it was read with, and that is not in the archive. A message with such a topic is JSON.
  const all = [span.sql, "NOT (topic LIKE 'modbus/%' AND payload IS NULL)"];
  const { scanner, device, topic, kind } = selection;
  if (kind === 'advert') all.push(`is_advert(${TOPIC}, payload)`);
  if (scanner !== undefined) all.push(`scanner_id = ${bind(scanner)}`);
  if (topic !== undefined) all.push(topicCondition(topic, bind));
  if (device !== undefined) all.push(deviceCondition(bind(device)));
  return { sql: all.join(' AND '), values };
}

function topicCondition(filter: string, bind: (value: unknown) => string): string {
  const pattern = filter
    .split('/')
    .map(level => (level === '+' ? '[^/]*' : level.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')))
    .join('/')
    // `a/#` takes a itself, too [MQTT-4.7.1-2].
    .replace(/(^|\/)#$/, (_all, slash: string) => (slash === '' ? '.*' : '(/.*)?'));
  const matches = `${TOPIC} ~ ${bind(`^${pattern}$`)}`;
  return /^[+#]/.test(filter) ? `${matches} AND topic NOT LIKE '$%'` : matches;
}

/** The device as the message, its topic or its source names it; addresses in any spelling. */
function deviceCondition(place: string): string {
  const wanted = `device_address(${place})`;
  const named = ['address', 'device_id', 'deviceId']
    .map(key => `SELECT jsonb_path_query(payload, 'lax $[*].${key}') #>> '{}'`)
    .join(' UNION ALL ');
  return `(device_address(metadata ->> 'deviceId') = ${wanted}
    OR ${place} = ANY (string_to_array(${TOPIC}, '/'))
    OR (topic LIKE 'ble/%' AND device_address(split_part(topic, '/', 3)) = ${wanted})
    OR EXISTS (SELECT FROM (${named}) AS named (id) WHERE device_address(id) = ${wanted}))`;
}
