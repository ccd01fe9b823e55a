// Expression: what a table cannot say is computed first; the results travel with their messages, in order.
import { expected, reasonOf } from '../kernel/fault.ts';
import { parseJson, shallowEnough, tame } from '../reading/payload.ts';
import { isRaw, type Raw } from '../reading/raw.ts';
import { isBatch, rawOf } from './intake.ts';
import { type Computed, MAX_ITEMS, type Normalizer } from './normalize.ts';

/** What an expression sees of a message. `payload`: parsed JSON, or the text where it is none. */
export type ExpressionInput = { topic: string; levels: Readonly<Record<string, string>>; payload: unknown };
export type Evaluate = (input: ExpressionInput) => Promise<unknown>;

const MAX_BYTES = 256 * 1024;
/** Of what an expression gives. */
const MAX_TEXT = 4 * 1024 * 1024;

/**
 * The payload with its results: raw messages whose topic asks for the expression become computed ones, all others stay
 * as they are. Never rejects: what the expression throws is a reason to refuse the message.
 */
export async function withComputed(
  payload: unknown,
  topic: string,
  now: number,
  { computes }: Pick<Normalizer, 'computes'>,
  evaluate: Evaluate,
): Promise<unknown> {
  if (!isBatch(payload)) return computedOf(payload, topic, now, computes, evaluate);
  const members: unknown[] = [];
  for (const member of payload) members.push(await computedOf(member, topic, now, computes, evaluate));
  return members;
}

async function computedOf(
  member: unknown,
  topic: string,
  now: number,
  computes: Normalizer['computes'],
  evaluate: Evaluate,
): Promise<unknown> {
  const levels = computes(isRaw(member) ? member.topic : topic);
  if (levels === undefined) return member;
  try {
    const raw = rawOf(member, topic, now);
    return { ...raw, computed: await resultOf(raw, levels, evaluate) } satisfies Computed;
  } catch {
    // What JSON cannot hold: the intake says so.
    return member;
  }
}

async function resultOf(
  { bytes, topic }: Raw,
  levels: ExpressionInput['levels'],
  evaluate: Evaluate,
): Promise<Computed['computed']> {
  if (bytes.byteLength > MAX_BYTES)
    return { fault: expected('payload', `at most ${MAX_BYTES} bytes for an expression`, bytes.byteLength) };
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  const parsed = parseJson(text);
  if (!shallowEnough(parsed)) return { fault: expected('payload', 'at most 32 levels', 'more') };
  try {
    const value = await evaluate({ topic, levels, payload: parsed === undefined ? text : tame(parsed, text) });
    if (Array.isArray(value) && value.length > MAX_ITEMS)
      return { fault: expected('expression', `at most ${MAX_ITEMS} readings`, value.length) };
    // Through JSON: an expression may give functions, and sequences that are no plain arrays.
    const json = JSON.stringify(value);
    if (json?.length > MAX_TEXT)
      return { fault: expected('expression', `at most ${MAX_TEXT} characters of JSON`, json.length) };
    return { value: json === undefined ? undefined : tame(JSON.parse(json), json) };
  } catch (error) {
    return { fault: `expression: ${reasonOf(error)}` };
  }
}
