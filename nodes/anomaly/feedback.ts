// Feedback: "this was normal", and that taken back, told to the series of the readings that a person meant, and answered in words.
import { MOST_ACCEPTED } from '../../src/anomaly/cells.ts';
import { expected } from '../../src/kernel/fault.ts';
import type { Message } from '../../src/palette/define.ts';
import { isReading, membersOf, type Reading } from '../../src/reading/reading.ts';

/** How many series heeded it, under the word that was said. */
export type Feedback = { accepted?: number; retracted?: number; says: string };

const STORED = 'what is stored keeps its score';
const WORDS = {
  normal: {
    done: 'accepted',
    says: `normal. The next like it is no anomaly; ${STORED}. It can be taken back; a series keeps the last ${MOST_ACCEPTED} it was told.`,
    whose: 'a reading of a series that this node has scored',
  },
  undo: {
    done: 'retracted',
    says: `no longer normal. The next like it is judged as if nobody had said so; ${STORED}.`,
    whose: 'a reading that was said to be normal',
  },
} as const;
type Word = keyof typeof WORDS;

/** What a message says, undefined where it is no feedback. */
export const wordOf = ({ feedback }: Message): Word | undefined =>
  feedback === 'normal' || feedback === 'undo' ? feedback : undefined;

/** `heed` answers how many series of a reading heeded the word, `save` whether they are on the disk. Rejects with what `heed` throws. */
export async function takeFeedback(
  word: Word,
  message: Message,
  heed: (reading: Reading) => number,
  save: () => Promise<boolean>,
): Promise<Feedback> {
  const { done, says: outcome, whose } = WORDS[word];
  let heeded = 0;
  const known: unknown[] = [];
  const unknown: unknown[] = [];
  for (const member of membersOf(message.payload)) {
    const name = isReading(member) ? nameOf(member) : member;
    const found = isReading(member) ? heed(member) : 0;
    heeded += found;
    (found > 0 ? known : unknown).push(name);
  }
  const says: string[] = [];
  const [first, ...others] = known;
  if (first !== undefined) {
    const more = others.length > 0 ? ` and ${others.length} more` : '';
    says.push(`${first}${more}: ${outcome}`);
    // A person said it once: no crash may forget it.
    if (!(await save())) says.push('It could not be saved: a crash forgets it.');
  }
  if (unknown.length > 0 || first === undefined) says.push(expected('feedback', whose, unknown[0]));
  return { [done]: heeded, says: says.join(' ') };
}

function nameOf({ deviceId, telemetry, metadata }: Reading): string {
  const metric = metadata.anomaly?.metric;
  const value = metric === undefined ? undefined : telemetry[metric];
  const name = [deviceId, metric, value].filter(part => part !== undefined).join(', ');
  const others: readonly unknown[] = Array.isArray(metadata.anomaly?.also) ? metadata.anomaly.also : [];
  const also = others.map(one => (one as { metric?: unknown } | null)?.metric).filter(one => typeof one === 'string');
  return also.length === 0 ? name : `${name} and with it ${also.join(', ')}`;
}
