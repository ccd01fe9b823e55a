// Recall: the last message of each topic that a node has seen, for the preview in its dialog.
import { boundedMap } from '../../src/kernel/bounded.ts';
import { isRaw } from '../../src/reading/raw.ts';
import { isReading, membersOf } from '../../src/reading/reading.ts';

const MOST_TOPICS = 30;
const MOST_BYTES = 16 * 1024;
/** What a stock node has parsed is written out again so often at most: it is only looked at. */
const WRITTEN_MS = 1000;

type Memory = { topics: ReturnType<typeof boundedMap<string, Uint8Array | string>> };
const memories = new Map<string, Memory>();

export function recall(node: string): { keep(payload: unknown, topic: string): void; forget(): void } {
  const topics = boundedMap<string, Uint8Array | string>(MOST_TOPICS);
  const memory = { topics };
  let writtenAt = -Infinity;
  memories.set(node, memory);

  /** Undefined where JSON cannot hold it, or it was just done. */
  function written(payload: object): string | undefined {
    if (performance.now() - writtenAt < WRITTEN_MS) return undefined;
    writtenAt = performance.now();
    try {
      return JSON.stringify(payload);
    } catch {
      return undefined;
    }
  }

  return {
    /** Of a batch the last member: what a person looks at is one message. */
    keep(payload, topic) {
      const member = isRaw(payload) ? payload : Array.isArray(payload) ? membersOf(payload).at(-1) : payload;
      if (isReading(member)) return;
      if (isRaw(member)) {
        if (member.bytes.byteLength <= MOST_BYTES) topics.set(member.topic, member.bytes);
        return;
      }
      const plain = typeof payload === 'string' || payload instanceof Uint8Array;
      const said = plain ? payload : typeof payload === 'object' && payload !== null ? written(payload) : undefined;
      if (said !== undefined && said.length <= MOST_BYTES) topics.set(topic, said);
    },
    forget() {
      if (memories.get(node) === memory) memories.delete(node);
    },
  };
}

/** Text by topic, the newest last. */
export function recalled(node: string): readonly (readonly [topic: string, text: string])[] {
  return [...(memories.get(node)?.topics.entries() ?? [])].map(([topic, said]) => [
    topic,
    typeof said === 'string' ? said : Buffer.from(said).toString(),
  ]);
}
