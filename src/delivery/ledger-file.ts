// The ledger on the disk: two files written in turn, each whole, so that there is always one that is not half written.
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { digest } from '../kernel/bytes.ts';
import { Fault, reasonOf } from '../kernel/fault.ts';
import {
  type Account,
  type Counter,
  ledgerChanges,
  ledgerLines,
  type Line,
  noteFate,
  openAccount,
  restoreLedger,
} from '../kernel/ledger.ts';
import { count } from '../kernel/metrics.ts';
import { held, type HeldLines } from './held.ts';

export type LedgerFile = {
  /** The account of a source, going on with what was kept of it. */
  account(source: string, name: string): Account;
  /** The same for a source that keeps its messages until they have settled. */
  counter(source: string, name: string): Counter<{ entry?: string }>;
  /**
   * Resolves when what is counted now is on the disk; calls that meet share one write. Where the disk does not take it,
   * it resolves all the same: the counts are behind then, and no message is held up for that.
   */
  commit(): Promise<void>;
  /** Resolves when what was asked for is written; nothing is after that, so that the folder may be removed. */
  close(): Promise<void>;
};
export type KeptLedger = { /** ISO time of the last write. */ at: string; lines: readonly Line[] };
/** `held` is missing where an earlier version wrote it. */
type Page = { generation: number; at: string; lines: readonly Line[]; held?: HeldLines };

/** What no source waits for is on the disk after this time. */
const LAZY_MS = 250;
/** Between two writes: what waits for one waits together. Delays acknowledgements at most, never rows. */
const LINGER_MS = 20;
const fileOf = (folder: string, generation: number): string => path.join(folder, `ledger-${generation % 2}.json`);

const opened = new Map<string, LedgerFile>();

/** The ledger of this process, kept in `folder`; goes on with what an earlier process has left there. One for each folder. */
export function ledgerIn(folder: string): LedgerFile {
  let file = opened.get(folder);
  if (file === undefined) {
    file = openFile(folder);
    opened.set(folder, file);
  }
  return file;
}

/** Has anything been written there, whole or not? */
export function hasLedger(folder: string): boolean {
  return [0, 1].some(slot => existsSync(fileOf(folder, slot)));
}

/** The last whole state; undefined where there is none. Works beside a gateway that runs. Throws a Fault where it cannot be read. */
export function readLedger(folder: string): KeptLedger | undefined {
  try {
    const page = newest(folder);
    return page && { at: page.at, lines: page.lines };
  } catch (error) {
    throw new Fault('FIELDLINE_DIR', `the ledger in ${folder}: ${reasonOf(error)}`, { cause: error });
  }
}

function newest(folder: string): Page | undefined {
  return [0, 1]
    .flatMap(slot => pageOf(fileOf(folder, slot)) ?? [])
    .sort((a, b) => b.generation - a.generation)
    .at(0);
}

/** First line: digest of the second, which is the page as JSON. */
function pageOf(file: string): Page | undefined {
  if (!existsSync(file)) return undefined;
  const [sum, text] = readFileSync(file, 'utf8').split('\n');
  return text !== undefined && digest(text) === sum ? (JSON.parse(text) as Page) : undefined;
}

function openFile(folder: string): LedgerFile {
  const kept = newest(folder);
  const counting = new Set(ledgerLines().map(({ source }) => source));
  const fresh = (kept?.lines ?? []).filter(({ source }) => !counting.has(source));
  restoreLedger(fresh);
  held.restore(kept?.held, fresh);
  let generation = kept?.generation ?? 0;
  // Open as long as they take what is written: opening costs more than writing.
  const handles = new Map<string, FileHandle>();
  let written = -1;
  // Else a kill before the next message would leave those that are lost in flight for ever.
  let isDamageWritten = false;
  let lastAt = 0;
  let running: Promise<void> | undefined;
  let begun = false;
  let next: Promise<void> | undefined;

  async function write(): Promise<void> {
    const changes = ledgerChanges();
    const { isDamaged } = held;
    if (changes === written && isDamaged === isDamageWritten) return;
    generation++;
    const page: Page = { generation, at: new Date().toISOString(), lines: ledgerLines(), held: held.lines() };
    const text = JSON.stringify(page);
    const name = fileOf(folder, generation);
    try {
      const handle = handles.get(name) ?? (await openTo(name));
      // Written over, never emptied first: nothing is allocated anew, so a full disk is met as seldom as can be.
      const bytes = Buffer.from(`${digest(text)}\n${text}\n`);
      await handle.write(bytes, 0, bytes.length, 0);
      await handle.datasync();
      written = changes;
      isDamageWritten = isDamaged;
    } catch {
      count('fieldline_ledger_write_failures_total');
      await shut(name);
    }
  }
  async function openTo(name: string): Promise<FileHandle> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const handle = await open(name, flagsOf(name), 0o600);
    handles.set(name, handle);
    return handle;
  }
  async function shut(name: string): Promise<void> {
    const handle = handles.get(name);
    handles.delete(name);
    await handle?.close().catch(() => {});
  }
  async function run(): Promise<void> {
    try {
      const rest = lastAt + LINGER_MS - performance.now();
      if (rest > 0) await wait(rest);
      begun = true;
      await write();
      lastAt = performance.now();
    } finally {
      running = undefined;
      begun = false;
    }
  }

  const file: LedgerFile = {
    account: tellingAccount,
    counter: (source, name) => counterOf(tellingAccount(source, name)),
    commit() {
      if (running === undefined) {
        running = run();
        return running;
      }
      if (!begun) return running;
      // A write has begun with older counts: one more follows, for all who ask meanwhile.
      next ??= running.then(() => {
        next = undefined;
        return file.commit();
      });
      return next;
    },
    async close() {
      clearInterval(lazily);
      opened.delete(folder);
      await (next ?? running);
      await Promise.all([...handles.keys()].map(shut));
    },
  };
  const lazily = setInterval(() => void file.commit(), LAZY_MS).unref();
  return file;
}

/** What no node has kept nobody else tells of: it is counted under its source. */
function tellingAccount(node: string, name: string): Account {
  const account = openAccount(node, name);
  return {
    ...account,
    leave(entry) {
      const ending = account.leave(entry);
      if (ending?.end === 'dropped' && ending.reason !== undefined)
        count('fieldline_dropped_total', 1, { node, name, reason: ending.reason });
      return ending;
    },
  };
}

/** The counter of a source's raw messages. */
function counterOf(account: Account): Counter<{ entry?: string }> {
  return {
    enter(item) {
      const entry = account.enter();
      if (entry !== undefined) item.entry = entry;
    },
    leave: ({ entry }) => account.leave(entry),
    drop({ entry }) {
      noteFate(entry, 'dropped');
      account.leave(entry);
    },
  };
}

function flagsOf(file: string): string {
  if (!existsSync(file)) closeSync(openSync(file, 'a', 0o600));
  return 'r+';
}
