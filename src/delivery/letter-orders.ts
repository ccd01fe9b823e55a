// Orders about dead letters as messages: list, resend, discard; and letters as people read them, in hex and text.
import { fromHex, toHex } from '../kernel/bytes.ts';
import { expected, Fault } from '../kernel/fault.ts';
import type { Query } from '../reading/contracts.ts';
import {
  countLetters,
  discardLetters,
  type Letter,
  type LetterCounts,
  listLetters,
  queueLetters,
} from './dead-letters.ts';
import { type LetterFilter, letterFilterOf } from './letter-filter.ts';

/** For people and JSON. `text` stands where the bytes are text. */
export type ShownLetter = Omit<Letter, 'bytes' | 'fixed'> & {
  hex: string;
  text?: string;
  fixedHex?: string;
  fixedText?: string;
};

/** `letters` after a list, `ids` of those that were queued or discarded; `counts` of all that the node answers for. */
export type LetterAnswer = {
  command: string;
  letters?: readonly ShownLetter[];
  ids?: readonly number[];
  counts: LetterCounts;
};

const MOST_SHOWN = 4096;
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Long letters are cut at 4096 bytes where `whole` is not asked for. */
export function shownLetter({ bytes, fixed, ...letter }: Letter, whole = false): ShownLetter {
  const most = whole ? Infinity : MOST_SHOWN;
  const text = textOf(bytes, most);
  const fixedText = fixed === null ? undefined : textOf(fixed, most);
  return {
    ...letter,
    hex: toHex(bytes.subarray(0, most)),
    ...(text === undefined ? {} : { text }),
    ...(fixed === null ? {} : { fixedHex: toHex(fixed.subarray(0, most)) }),
    ...(fixedText === undefined ? {} : { fixedText }),
  };
}

/** Undefined where the bytes are no text: not UTF-8, or with control characters besides blanks. */
function textOf(bytes: Uint8Array, most: number): string | undefined {
  try {
    const text = utf8.decode(bytes);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it is they that are looked for.
    return /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/.test(text) ? undefined : text.slice(0, most);
  } catch {
    return undefined;
  }
}

/** Bytes that a person puts in the place of others: `{ hex }` or `{ text }`. Undefined when there is neither. */
export function fixedOf(given: { hex?: unknown; text?: unknown }): Uint8Array | undefined {
  const { hex, text } = given;
  if (typeof text === 'string') return Buffer.from(text);
  if (hex === undefined || hex === null) return undefined;
  const bytes = typeof hex === 'string' ? fromHex(hex) : undefined;
  if (bytes === undefined) throw new Fault('FIELDLINE_SETTING', expected('hex', 'an even number of hex digits', hex));
  return bytes;
}

export type OrderContext = {
  query: Query;
  /** What the order does not name itself. */
  filter: LetterFilter;
  /** Who gives it. */
  by: string;
};

/**
 * Obeys `{ command: list | show | resend | discard, id?, ids?, source?, topic?, device?, reason?, state?, limit?, hex?, text? }`;
 * without a command it lists. `resend` without ids takes open letters only. Rejects with a Fault that names what is wrong.
 */
export async function obey(order: unknown, { query, filter, by }: OrderContext): Promise<LetterAnswer> {
  const given = (typeof order === 'object' && order !== null ? order : {}) as Record<string, unknown>;
  const { command = 'list', limit } = given;
  const asked: LetterFilter = { ...filter, ...letterFilterOf(given) };
  const answer = async (rest: object) => ({
    command: String(command),
    ...rest,
    counts: await countLetters(query, filter),
  });
  switch (command) {
    case 'list':
    case 'show': {
      const letters = await listLetters(query, asked, typeof limit === 'number' && limit >= 1 ? limit : 100);
      return answer({ letters: letters.map(letter => shownLetter(letter, command === 'show')) });
    }
    case 'resend': {
      const fixed = fixedOf(given);
      if (fixed !== undefined && asked.ids?.length !== 1)
        throw new Fault('FIELDLINE_SETTING', expected('ids', 'one letter to put right', asked.ids));
      const which = asked.ids === undefined ? { ...asked, state: asked.state ?? 'open' } : asked;
      return answer({ ids: await queueLetters(query, which, by, fixed) });
    }
    case 'discard':
      if (Object.keys(asked).length === 0)
        throw new Fault('FIELDLINE_SETTING', expected('discard', 'ids or a filter', 'nothing'));
      return answer({ ids: await discardLetters(query, asked, by) });
    default:
      throw new Fault('FIELDLINE_SETTING', expected('command', 'list, show, resend or discard', command));
  }
}
