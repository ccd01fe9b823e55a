// Field map: paths in a JSON payload that become metrics, with wildcards and units; what it takes, nobody else sees.
import { expected, Fault } from '../kernel/fault.ts';
import { absent, type Draft, isJson, isMeasurable, type Json, limits, numberOf } from '../reading/payload.ts';
import { putValue } from '../reading/telemetry.ts';
import { conversion, rounded, unitsFor } from '../reading/units.ts';

/** One row of the map as it is written in the settings. */
export type FieldRule = {
  /** Path such as `ENERGY.Power` or `sensors.*.temp`; `*` stands for any key or index. */
  from: string;
  /** Metric; `*` in it stands for what the path's first `*` matched. Without one, `_` and the match are appended. */
  metric: string;
  /** Unit of the value as it comes; converted into the metric's. Empty: as it is. */
  unit?: string;
  /** The value is multiplied by this first; 1 when left out. */
  scale?: number;
};

export type FieldMap = (payload: Json, draft: Draft) => void;

/** Compiles the rows, in order. Throws a Fault for a wrong row. */
export function fieldMap(rules: readonly FieldRule[]): FieldMap {
  const steps = rules.map((rule, at) => compile(rule, `field map, row ${at + 1}`));
  return (payload, draft) => {
    for (const step of steps) step(payload, draft);
  };
}

function compile(rule: FieldRule, where: string): FieldMap {
  const path = rule.from.split('.');
  const { unit = '', scale = 1 } = rule;
  const wrong = (what: string, got: unknown) => new Fault('FIELDLINE_SETTING', expected(where, what, got));
  if (path.includes('') || path.length > limits.depth) throw wrong('a path such as sensors.*.temp', rule.from);
  if (rule.metric === '' || rule.metric.length > limits.nameLength || rule.metric === '__proto__')
    throw wrong('the name of a metric', rule.metric);
  if (!Number.isFinite(scale) || scale === 0) throw wrong('a scale other than 0', scale);
  if (rule.metric.includes('*') && !path.includes('*'))
    throw wrong('a * in the path for that in the metric', rule.from);
  const measured = rule.metric.replace(/_?\*/, '');
  const convert = unit === '' ? undefined : conversion(unit, measured);
  if (unit !== '' && convert === undefined)
    throw wrong(`one of ${unitsFor(measured).join(', ')} for ${measured}`, unit);
  const plain = scale === 1 && convert === undefined;

  const put = (value: unknown, matched: string | undefined, draft: Draft) => {
    const metric = metricName(rule.metric, matched);
    if (plain) return putValue(draft, metric, value);
    const number = numberOf(value);
    if (number === undefined) return absent(draft, metric, expected(metric, 'a number', value));
    const scaled = scale === 1 ? number : rounded(number * scale);
    const converted = convert ? convert(scaled) : scaled;
    if (isMeasurable(converted)) draft.telemetry[metric] = converted;
    else absent(draft, metric, expected(metric, 'a number that can be measured', String(converted)));
  };
  return (payload, draft) => walk(payload, path, 0, undefined, (value, matched) => put(value, matched, draft));
}

function metricName(metric: string, matched: string | undefined): string {
  if (matched === undefined) return metric;
  const name = matched.slice(0, limits.nameLength);
  return metric.includes('*') ? metric.replace('*', () => name) : `${metric}_${name}`;
}

/** Visits what the path matches and marks it as used. The payload is at most `limits.depth` deep, so is the path. */
function walk(
  node: unknown,
  path: readonly string[],
  at: number,
  matched: string | undefined,
  visit: (value: unknown, matched: string | undefined) => void,
): void {
  if (!isJson(node) && !Array.isArray(node)) return;
  const holder = node as Json;
  const step = path[at] as string;
  const keys = step === '*' ? Object.keys(holder) : Object.hasOwn(holder, step) ? [step] : [];
  for (const key of keys) {
    const name = step === '*' ? (matched ?? key) : matched;
    if (at < path.length - 1) walk(holder[key], path, at + 1, name, visit);
    else if (holder[key] !== undefined) {
      visit(holder[key], name);
      holder[key] = undefined;
    }
  }
}
