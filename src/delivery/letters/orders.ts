// Orders about dead letters as messages: list, resend, discard; and letters as people read them, in hex and text.
import { fromHex, toHex } from '../../kernel/bytes.ts';
import { expected, Fault } from '../../kernel/fault.ts';
import type { Query } from '../../reading/contracts.ts';
import { LARGEST_LETTER } from '../../reading/letter.ts';
import {
  countLetters,
  discardLetters,
  type Letter,
  type LetterCounts,
  LISTED_BYTES,
  listLetters,
  queueLetters,
} from './letters.ts';
import { type LetterFilter, letterFilterOf } from './filter.ts';

/** For people and JSON: whole, or its first 4096 bytes. `text` stands where they are text. */
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

function shownLetter({ bytes, fixed, ...letter }: Letter): ShownLetter {
  const text = textOf(bytes);
  const fixedText = fixed === null ? undefined : textOf(fixed);
  return {
    ...letter,
    hex: toHex(bytes),
    ...(text === undefined ? {} : { text }),
    ...(fixed === null ? {} : { fixedHex: toHex(fixed) }),
    ...(fixedText === undefined ? {} : { fixedText }),
  };
}

/** Undefined where the bytes are no text: not UTF-8, or with control characters besides blanks. */
function textOf(bytes: Uint8Array): string | undefined {
  try {
    // What was cut off may have cut a character in two.
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: bytes.length === LISTED_BYTES });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it is they that are looked for.
    return /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}

/** Bytes that a person puts in the place of others: `{ hex }` or `{ text }`. Undefined when there is neither. */
function fixedOf(given: { hex?: unknown; text?: unknown }): Uint8Array | undefined {
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
 * Carries out `{ command: list | show | resend | discard, id?, ids?, source?, topic?, device?, reason?, state?, limit?, hex?, text? }`;
 * without a command it lists. `resend` without ids takes open letters only. Rejects with a Fault that names what is wrong.
 */
export async function carryOut(order: unknown, { query, filter, by }: OrderContext): Promise<LetterAnswer> {
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
      const most = typeof limit === 'number' && limit >= 1 ? limit : 100;
      const letters = await listLetters(query, asked, most, command === 'show' ? LARGEST_LETTER : 0);
      return answer({ letters: letters.map(shownLetter) });
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
