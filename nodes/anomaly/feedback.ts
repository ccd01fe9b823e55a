// Feedback: "this was normal", told to the series of the readings that a person meant, and answered in words.
import { MOST_ACCEPTED } from '../../src/anomaly/cells.ts';
import { expected } from '../../src/kernel/fault.ts';
import type { Message } from '../../src/palette/define.ts';
import { isReading, membersOf, type Reading } from '../../src/reading/reading.ts';

/** `accepted`: how many series know it now. */
export type Feedback = { accepted: number; says: string };

/** `accept` answers how many series of a reading took it, `save` whether they are on the disk. Rejects with what `accept` throws. */
export async function takeFeedback(
  message: Message,
  accept: (reading: Reading, message: Message) => number,
  save: () => Promise<boolean>,
): Promise<Feedback> {
  let accepted = 0;
  const known: unknown[] = [];
  const unknown: unknown[] = [];
  for (const member of membersOf(message.payload)) {
    const name = isReading(member) ? nameOf(member) : member;
    const found = isReading(member) ? accept(member, message) : 0;
    accepted += found;
    (found > 0 ? known : unknown).push(name);
  }
  const says: string[] = [];
  const [first, ...others] = known;
  if (first !== undefined) {
    const more = others.length > 0 ? ` and ${others.length} more` : '';
    says.push(
      `${first}${more}: normal. The next like it is no anomaly; what is stored keeps its score. There is no undo; of values, a series keeps the last ${MOST_ACCEPTED} it was told.`,
    );
    // A person said it once: no crash may forget it.
    if (!(await save())) says.push('It could not be saved: a crash forgets it.');
  }
  if (unknown.length > 0 || first === undefined)
    says.push(expected('feedback', 'a reading of a series that this node has scored', unknown[0]));
  return { accepted, says: says.join(' ') };
}

function nameOf({ deviceId, telemetry, metadata }: Reading): string {
  const metric = metadata.anomaly?.metric;
  const value = metric === undefined ? undefined : telemetry[metric];
  return [deviceId, metric, value].filter(part => part !== undefined).join(', ');
}
