// The configuration of `fieldline scan`, from one YAML file (B12): every key is checked, an unknown one is named.
import { parse } from 'yaml';
import { expected, Fault, reasonOf } from '../src/kernel/fault.ts';
import { brokerAddress } from '../src/mqtt/dial.ts';
import { controllerOf } from '../src/radio/controller-name.ts';

export type ScanConfig = {
  scannerId: string;
  /** Where the scanner stands, for its heartbeat. */
  location: string | undefined;
  mqtt: { url: string; topicPrefix: string; qos: 0 | 1 };
  ble: { hci: string; active: boolean };
  dedupSeconds: number;
  allow: readonly string[];
  block: readonly string[];
  heartbeatSeconds: number;
};

type Check = (value: unknown) => string | undefined;
/** Keys that may stand in the file, with what is wrong with a value; `!` marks those that must. */
type Form = { readonly [key: string]: Check | Form };

const text =
  (what: string, pattern: RegExp): Check =>
  value =>
    typeof value === 'string' && pattern.test(value) ? undefined : what;
const number =
  (min: number, max: number): Check =>
  value =>
    typeof value === 'number' && value >= min && value <= max ? undefined : `a number from ${min} to ${max}`;
const oneOf =
  (...allowed: readonly unknown[]): Check =>
  value =>
    allowed.includes(value) ? undefined : allowed.join(' or ');
const addresses: Check = value =>
  Array.isArray(value) && value.every(entry => typeof entry === 'string' && /^[0-9a-f:-]{2,17}$/i.test(entry))
    ? undefined
    : 'a list of addresses or their beginnings, in quotes';

const form: Form = {
  scanner_id: text('a name without blanks, /, + and #', /^[^/+#\s]{1,100}$/),
  location: text('a text', /\S/),
  mqtt: {
    url: value => faultOf(() => brokerAddress(String(value))) && 'mqtt://, mqtts://, ws:// or wss:// and a host',
    topic_prefix: text('a topic without + and #', /^[^+#\0]{1,200}$/),
    qos: oneOf(0, 1),
  },
  ble: { hci: adapter, mode: oneOf('passive', 'active') },
  dedup: { window_seconds: number(0, 86_400) },
  allowlist: addresses,
  blocklist: addresses,
  heartbeat: { interval_seconds: number(1, 3600) },
};
const REQUIRED = ['scanner_id', 'mqtt.url'];

function adapter(value: unknown): string | undefined {
  const what = 'hci0, tcp://host:port or replay:builtin';
  if (typeof value !== 'string') return what;
  return faultOf(() => controllerOf(value) ?? (value.startsWith('replay:') ? value : undefined)) && what;
}

/** A reason where it throws or gives nothing. */
function faultOf(read: () => unknown): string | undefined {
  try {
    return read() === undefined ? 'nothing' : undefined;
  } catch (error) {
    return reasonOf(error);
  }
}

/** Throws a Fault FIELDLINE_SETTING that names every key at fault. */
export function scanConfig(yaml: string): ScanConfig {
  const value = parsed(yaml);
  const faults = faultsIn(value, form, '');
  const given = (path: string): unknown =>
    path.split('.').reduce<unknown>((at, key) => (isObject(at) ? at[key] : undefined), value);
  for (const path of REQUIRED) if (given(path) === undefined) faults.push(expected(path, 'a value', undefined));
  if (faults.length > 0) throw new Fault('FIELDLINE_SETTING', faults.join('; '));
  return {
    scannerId: given('scanner_id') as string,
    location: given('location') as string | undefined,
    mqtt: {
      url: given('mqtt.url') as string,
      topicPrefix: ((given('mqtt.topic_prefix') as string | undefined) ?? 'bt-mqtt').replace(/\/+$/, ''),
      qos: (given('mqtt.qos') as 0 | 1 | undefined) ?? 1,
    },
    ble: { hci: (given('ble.hci') as string | undefined) ?? 'hci0', active: given('ble.mode') === 'active' },
    dedupSeconds: (given('dedup.window_seconds') as number | undefined) ?? 10,
    allow: (given('allowlist') as string[] | undefined) ?? [],
    block: (given('blocklist') as string[] | undefined) ?? [],
    heartbeatSeconds: (given('heartbeat.interval_seconds') as number | undefined) ?? 60,
  };
}

function parsed(yaml: string): unknown {
  try {
    return parse(yaml) ?? {};
  } catch (error) {
    throw new Fault('FIELDLINE_SETTING', `not YAML: ${reasonOf(error)}`);
  }
}

function faultsIn(value: unknown, known: Form, at: string): string[] {
  if (!isObject(value)) return [expected(at || 'the file', 'keys and values', value)];
  return Object.entries(value).flatMap(([key, entry]) => {
    const where = at === '' ? key : `${at}.${key}`;
    const check = Object.hasOwn(known, key) ? known[key] : undefined;
    if (check === undefined) return [`${where}: unknown key; known are ${Object.keys(known).join(', ')}`];
    if (typeof check !== 'function') return faultsIn(entry, check, where);
    // The address of a broker may hold a password.
    const what = check(entry);
    return what === undefined ? [] : [expected(where, what, where === 'mqtt.url' ? 'something else' : entry)];
  });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
