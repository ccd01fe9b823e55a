// Topic table: which wire format a topic carries and where the device's name stands; first matching rule wins.
import { expected, Fault } from '../kernel/fault.ts';
import { filterFault, topicMatches } from '../kernel/topic.ts';
import { deviceName, type Json } from '../reading/payload.ts';

/** One row of the table as it is written in the settings. */
export type TopicRule<Format extends string> = {
  /** MQTT topic filter with `+` and `#`; a level `{name}` is a `+` with a name. */
  filter: string;
  format: Format;
  /** Where the device's name is, the first that has one: `last`, a level counted from 1, `{name}`, or a field; e.g. `device_id | last`. */
  device: string;
};

export type Route<Format extends string> = {
  format: Format;
  /** Name of the device; takes the field it was found in out of the payload. Undefined when there is none. */
  deviceOf(payload: Json | undefined): string | undefined;
  /** What stands in the levels that the filter names. */
  levels: Readonly<Record<string, string>>;
};

/** Name of a level that the filter names. */
const NAMED = /^\{([A-Za-z]\w{0,63})\}$/;

// Topics are few and repeat; a flood of new ones starts the cache afresh instead of filling the memory.
const CACHED = 10_000;

/** Compiles a table; the function it gives finds the route of a topic, undefined when no rule matches. Throws a Fault for a wrong rule. */
export function topicTable<Format extends string>(
  rules: readonly TopicRule<Format>[],
): (topic: string) => Route<Format> | undefined {
  const compiled = rules.map((rule, at) => {
    const filter = rule.filter
      .split('/')
      .map(level => (NAMED.test(level) ? '+' : level))
      .join('/');
    return { rule, filter, sources: deviceSources(rule, filter, `topic table, row ${at + 1}`) };
  });
  const known = new Map<string, Route<Format> | undefined>();
  return topic => {
    const found = known.get(topic);
    if (found !== undefined || known.has(topic)) return found;
    const match = compiled.find(({ filter }) => topicMatches(filter, topic));
    const route = match && {
      format: match.rule.format,
      deviceOf: finder(match.sources, topic),
      levels: levelsOf(match.rule.filter, topic),
    };
    if (known.size >= CACHED) known.clear();
    known.set(topic, route);
    return route;
  };
}

type DeviceSource = { level: number } | { field: string };

function levelsOf(filter: string, topic: string): Record<string, string> {
  const have = topic.split('/');
  const found = filter.split('/').flatMap((level, at): [string, string][] => {
    const name = NAMED.exec(level)?.[1];
    return name === undefined ? [] : [[name, have[at] ?? '']];
  });
  return Object.fromEntries(found);
}

/** `filter`: that of the rule as MQTT knows it. */
function deviceSources(rule: TopicRule<string>, filter: string, where: string): readonly DeviceSource[] {
  const wrong = filterFault(filter);
  if (wrong !== undefined)
    throw new Fault('FIELDLINE_SETTING', expected(where, `a topic filter (${wrong})`, rule.filter));
  const levels = rule.filter.split('/');
  const odd = levels.find(level => /[{}]/.test(level) && !NAMED.test(level));
  if (odd !== undefined)
    throw new Fault(
      'FIELDLINE_SETTING',
      expected(where, 'a level such as {site}: letters, digits and _ in one pair of braces', odd),
    );
  const twice = levels.find((level, at) => NAMED.test(level) && levels.indexOf(level) < at);
  if (twice !== undefined) throw new Fault('FIELDLINE_SETTING', expected(where, 'each name once', twice));
  const sources = rule.device.split('|').map(part => part.trim());
  if (sources.includes(''))
    throw new Fault('FIELDLINE_SETTING', expected(where, 'last, a level or a field', rule.device));
  return sources.map(source => {
    // `homelab/energy/#` also matches `homelab/energy` [MQTT-4.7.1-2], whose last level is no device.
    if (source === 'last') return { level: levels.at(-1) === '#' ? -levels.length : -1 };
    if (/^[1-9]\d?$/.test(source)) return { level: Number(source) };
    if (!NAMED.test(source)) return { field: source };
    const level = levels.indexOf(source) + 1;
    if (level > 0) return { level };
    throw new Fault('FIELDLINE_SETTING', expected(where, `a level ${source} in the filter`, rule.filter));
  });
}

/** Level n from 1; -n: the last one of at least n levels. */
function levelOf(levels: readonly string[], level: number): string | undefined {
  if (level > 0) return levels[level - 1];
  return levels.length >= -level ? levels.at(-1) : undefined;
}

function finder(sources: readonly DeviceSource[], topic: string): Route<string>['deviceOf'] {
  const levels = topic.split('/');
  const steps = sources.map(source =>
    'field' in source ? source : { name: deviceName(levelOf(levels, source.level)) },
  );
  return payload => {
    for (const step of steps) {
      if (!('field' in step)) {
        if (step.name !== undefined) return step.name;
        continue;
      }
      if (payload === undefined || !Object.hasOwn(payload, step.field)) continue;
      const name = deviceName(payload[step.field]);
      if (name === undefined) continue;
      payload[step.field] = undefined;
      return name;
    }
    return undefined;
  };
}
