// Dead letters on disk: one JSON line for each message that would not work, with its original bytes, fsynced.
import { mkdir, open, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join, resolve as absolute } from 'node:path';
import { type Clock, systemClock } from '../../kernel/clock.ts';
import { expected, Fault, reasonOf } from '../../kernel/fault.ts';
import { letterPart } from '../../reading/letter.ts';
import type { Raw } from '../../reading/raw.ts';

export type DeadLetter = {
  /** ISO time at which it was given up. */
  time: string;
  source: string;
  topic: string;
  reason: string;
  attempts: number;
  receivedAt: number;
  protocol: Raw['protocol'];
  deviceId?: string;
  /** That of the letter as which it was sent again. */
  entry?: string;
  /** Original bytes, base64. */
  bytes: string;
  /** Only their begin: there were too many. */
  part?: true;
  /** Name of the outgoing link that gave it up; a source has none. */
  link?: string;
};

export type DeadLetterFile = {
  /** On the disk when it resolves. Rejects with a Fault of kind outage when the disk does not take it. */
  append(raw: Raw, reason: string, attempts: number, link?: string): Promise<void>;
  /** Oldest first. Lines that were damaged are left out and counted. */
  list(): Promise<{ letters: DeadLetter[]; damaged: number }>;
  /**
   * Hands over what was written until now, a file at a time, with the text of lines that were damaged; a file is removed
   * when `handle` has resolved for it. What is appended meanwhile stays for the next time.
   */
  take(handle: (letters: readonly DeadLetter[], damaged: readonly string[]) => Promise<void>): Promise<void>;
  /** Old files that had to make room, since it was opened. */
  readonly dropped: number;
  close(): Promise<void>;
};

export type DeadLetterOptions = {
  /** Of all files together; the oldest file makes room. */
  maxBytes?: number;
  /** Files it is spread over, so that only a part is lost when room is needed. */
  files?: number;
  clock?: Clock;
};

const NAME = /^dead-letters-(\d{9})\.jsonl$/;
const nameOf = (number: number): string => `dead-letters-${String(number).padStart(9, '0')}.jsonl`;

/** Open folders of this process: who writes letters and who takes them away must know of each other. */
const opened = new Map<string, { file: Promise<DeadLetterFile>; users: number }>();

/**
 * Makes the folder where it is missing; who opens one that is open already shares it, with the options of the first.
 * Rejects with a Fault of kind outage when it cannot be written.
 */
export async function openDeadLetters(folder: string, options: DeadLetterOptions = {}): Promise<DeadLetterFile> {
  const key = absolute(folder);
  const shared = opened.get(key) ?? { file: openFile(key, options), users: 0 };
  opened.set(key, shared);
  shared.users++;
  const leave = () => {
    if (--shared.users === 0 && opened.get(key) === shared) opened.delete(key);
  };
  const file = await shared.file.catch(error => {
    leave();
    throw error;
  });
  // Somebody may have cleared the data directory since it was opened first.
  await mkdir(key, { recursive: true }).catch(() => undefined);
  return {
    append: file.append,
    list: file.list,
    take: file.take,
    get dropped() {
      return file.dropped;
    },
    async close() {
      leave();
      await file.close();
    },
  };
}

async function openFile(folder: string, options: DeadLetterOptions): Promise<DeadLetterFile> {
  const { maxBytes = 64 << 20, files = 8, clock = systemClock } = options;
  const fileBytes = Math.max(1, Math.floor(maxBytes / files));
  const queue: { line: Buffer; resolve(): void; reject(fault: Fault): void }[] = [];
  let writing: Promise<void> | undefined;
  let dropped = 0;
  let current = await guarded(async () => {
    await mkdir(folder, { recursive: true });
    return Math.max(1, ...(await numbers()));
  });
  let size = await sizeOf(current);

  function outage(error: unknown): Fault {
    const reason = expected(folder, 'a folder that takes dead letters', reasonOf(error));
    return new Fault('FIELDLINE_DIR', reason, { kind: 'outage', cause: error });
  }
  async function guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw outage(error);
    }
  }
  async function numbers(): Promise<number[]> {
    const found = (await readdir(folder)).flatMap(name => NAME.exec(name)?.[1] ?? []);
    return found.map(Number).sort((a, b) => a - b);
  }
  async function sizeOf(number: number): Promise<number> {
    return stat(join(folder, nameOf(number))).then(
      found => found.size,
      () => 0,
    );
  }

  async function rotate(): Promise<void> {
    current++;
    size = 0;
    for (const old of (await numbers()).slice(0, -(files - 1) || undefined)) {
      if (old >= current) continue;
      await rm(join(folder, nameOf(old)));
      dropped++;
    }
  }

  /** One write and one fsync for all that wait. */
  async function write(): Promise<void> {
    const batch = queue.splice(0, countWithin(queue, fileBytes));
    try {
      if (size >= fileBytes) await rotate();
      const handle = await open(join(folder, nameOf(current)), 'a+');
      try {
        size = (await handle.stat()).size;
        const parts = batch.map(({ line }) => line);
        // A crash may have left half a line: the next one must not become part of it.
        if (size > 0 && (await handle.read(Buffer.alloc(1), 0, 1, size - 1)).buffer[0] !== 0x0a)
          parts.unshift(Buffer.from('\n'));
        const bytes = Buffer.concat(parts);
        try {
          await handle.appendFile(bytes);
          await handle.sync();
        } catch (error) {
          // What a full disk took of it is no letter; it comes again.
          await handle.truncate(size).catch(() => {});
          throw error;
        }
        if (size === 0) await syncFolder(folder);
        size += bytes.length;
      } finally {
        await handle.close();
      }
      for (const { resolve } of batch) resolve();
    } catch (error) {
      for (const { reject } of batch) reject(outage(error));
    }
  }
  async function run(): Promise<void> {
    while (queue.length > 0) await write();
    writing = undefined;
  }

  async function read(number: number): Promise<{ letters: DeadLetter[]; damaged: string[] }> {
    const letters: DeadLetter[] = [];
    const damaged: string[] = [];
    for (const line of (await readFile(join(folder, nameOf(number)), 'utf8')).split('\n')) {
      if (line === '') continue;
      const letter = parse(line);
      if (letter) letters.push(letter);
      else damaged.push(line);
    }
    return { letters, damaged };
  }

  return {
    append(raw, why, attempts, link) {
      const { bytes, reason, whole } = letterPart(raw.bytes, why);
      const letter: DeadLetter = {
        time: new Date(clock.now()).toISOString(),
        source: raw.source,
        topic: raw.topic,
        reason,
        attempts,
        receivedAt: raw.receivedAt,
        protocol: raw.protocol,
        ...(raw.deviceId === undefined ? {} : { deviceId: raw.deviceId }),
        ...(raw.entry === undefined ? {} : { entry: raw.entry }),
        bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64'),
        ...(whole ? {} : { part: true }),
        ...(link === undefined ? {} : { link }),
      };
      return new Promise((resolve, reject) => {
        queue.push({ line: Buffer.from(`${JSON.stringify(letter)}\n`), resolve, reject });
        writing ??= Promise.resolve().then(run);
      });
    },
    list: () =>
      guarded(async () => {
        const all = { letters: [] as DeadLetter[], damaged: 0 };
        for (const number of await numbers()) {
          const { letters, damaged } = await read(number);
          all.letters.push(...letters);
          all.damaged += damaged.length;
        }
        return all;
      }),
    async take(handle) {
      while (writing !== undefined) await writing;
      // From here to the next await nobody writes: later letters go to a new file.
      if (size > 0) {
        current++;
        size = 0;
      }
      const before = current;
      for (const number of await guarded(numbers)) {
        if (number >= before) break;
        const { letters, damaged } = await guarded(() => read(number));
        await handle(letters, damaged);
        await guarded(() => rm(join(folder, nameOf(number)), { force: true }));
      }
    },
    get dropped() {
      return dropped;
    },
    async close() {
      await writing;
    },
  };
}

/** How many lines go into one file, one at least: a file must not become longer than a text can be. */
function countWithin(queue: readonly { line: Buffer }[], bytes: number): number {
  let size = 0;
  let count = 0;
  for (const { line } of queue) {
    size += line.length;
    if (count > 0 && size > bytes) break;
    count++;
  }
  return count;
}

function parse(line: string): DeadLetter | undefined {
  try {
    const value = JSON.parse(line) as Partial<DeadLetter> | null;
    return typeof value?.topic === 'string' && typeof value.bytes === 'string' ? (value as DeadLetter) : undefined;
  } catch {
    return undefined;
  }
}

/** A new name is on the disk only when its folder is. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  await handle.sync().finally(() => handle.close());
}
