// Latest value of each topic: what a device has measured before must not take its place when it comes late, out of an outbox or a replay.
import { boundedMap } from '../../src/kernel/bounded.ts';
import { isReading } from '../../src/reading/reading.ts';

const MOST_TOPICS = 10_000;

/** Tells whether a member is the latest of its topic so far; what has no time always is. */
export function latestOfTopics(): (topic: string, member: unknown) => boolean {
  const newest = boundedMap<string, number>(MOST_TOPICS);
  return (topic, member) => {
    const at = isReading(member) ? Date.parse(member.timestamp) : Number.NaN;
    if (at < (newest.get(topic) ?? -Infinity)) return false;
    if (!Number.isNaN(at)) newest.set(topic, at);
    return true;
  };
}
