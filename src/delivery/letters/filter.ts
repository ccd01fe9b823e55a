// Which dead letters: by id, state, source, topic, device, words of the reason; checked, and as SQL.
import { expected, Fault } from '../../kernel/fault.ts';

const STATES = ['open', 'queued', 'resolved', 'discarded'] as const;
/** open: waits for somebody. queued: about to be sent again. resolved: it has settled. discarded: somebody decided so. */
export type LetterState = (typeof STATES)[number];

/** `topic` may hold % for any characters; `reason` is a part of it. What is left out does not limit. */
export type LetterFilter = {
  ids?: readonly number[];
  state?: LetterState | readonly LetterState[];
  source?: string;
  topic?: string;
  device?: string;
  reason?: string;
};

const MOST_IDS = 10_000;

/** Reads what a message or a command line gives. Empty texts count as left out. Throws a Fault FIELDLINE_SETTING. */
export function letterFilterOf(given: unknown): LetterFilter {
  if (given === undefined || given === null) return {};
  if (typeof given !== 'object' || Array.isArray(given)) throw wrong('dead letters', 'an object', given);
  const { id, ids, state, ...texts } = given as Record<string, unknown>;
  const filter: LetterFilter = {};
  const numbers = ids ?? (id === undefined || id === null || id === '' ? undefined : [id]);
  if (numbers !== undefined && numbers !== null) filter.ids = idsOf(numbers);
  if (state !== undefined && state !== null && state !== '')
    filter.state = Array.isArray(state) ? state.map(stateOf) : stateOf(state);
  for (const key of ['source', 'topic', 'device', 'reason'] as const) {
    const text = texts[key];
    if (text === undefined || text === null || text === '') continue;
    if (typeof text !== 'string' || text.includes('\0') || text.length > 2000) throw wrong(key, 'a text', text);
    filter[key] = text;
  }
  return filter;
}

function idsOf(given: unknown): readonly number[] {
  const ids = (Array.isArray(given) ? given : [given]).map(Number);
  if (ids.length > MOST_IDS || !ids.every(id => Number.isSafeInteger(id) && id > 0))
    throw wrong('ids', `numbers of dead letters, at most ${MOST_IDS}`, given);
  return ids;
}

function stateOf(given: unknown): LetterState {
  const state = STATES.find(known => known === given);
  if (state === undefined) throw wrong('state', `one of ${STATES.join(', ')}`, given);
  return state;
}

function wrong(where: string, what: string, got: unknown): Fault {
  return new Fault('FIELDLINE_SETTING', expected(where, what, got));
}

/** Condition on dead_letters; parameters are numbered from `first`. */
export function letterCondition(
  { ids, state, source, topic, device, reason }: LetterFilter,
  first: number,
): { sql: string; values: readonly unknown[] } {
  const values: unknown[] = [];
  const bind = (value: unknown) => `$${first + values.push(value) - 1}`;
  const all = ['true'];
  if (ids !== undefined) all.push(`id = ANY (${bind(ids)}::bigint[])`);
  // Not bound: the server has to see that an index has all of them.
  if (state !== undefined) all.push(`state = ANY ('{${[state].flat().join()}}')`);
  if (source !== undefined) all.push(`source = ${bind(source)}`);
  // A backslash is one: at the end of a pattern it would escape nothing, which is an error.
  if (topic !== undefined) all.push(`topic LIKE ${bind(topic)} ESCAPE ''`);
  if (device !== undefined) all.push(`device_id = ${bind(device)}`);
  if (reason !== undefined) all.push(`strpos(lower(reason), lower(${bind(reason)})) > 0`);
  return { sql: all.join(' AND '), values };
}
