// fieldline replay: runs part of the archive through decoders and tables again, without Node-RED, from where it was.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { liveWrites, REPLAY_CONNECTIONS } from '../src/archive/live-writes.ts';
import { openReplay, type ReplayEnd } from '../src/archive/replay.ts';
import { besideWords, doneFigures, queuedWords, replayFigures } from '../src/archive/replay-words.ts';
import {
  askForReplay,
  claimOf,
  claimReplay,
  countReplay,
  LEASE_SECONDS,
  type Replay,
  resumeReplay,
  type Wish,
} from '../src/archive/replays.ts';
import { selectionOf, wordsOf } from '../src/archive/selection.ts';
import { keysOf } from '../src/decoders/members.ts';
import { courier } from '../src/delivery/courier.ts';
import { keepLetters } from '../src/delivery/letters/letters.ts';
import { expected, Fault, reasonOf } from '../src/kernel/fault.ts';
import { quantity } from '../src/reading/quantity.ts';
import { migrationState } from '../src/store/migrate.ts';
import { openStore, type Store } from '../src/store/store.ts';
import { withDatabase } from './database.ts';
import type { Io } from './io.ts';
import { checkNamedFolder, openOwnDecoders } from './own-decoders.ts';
import { countedWords, REPLAY_SOURCE, replayFlow } from './replay-flow.ts';
import { subcommand, wrongUse } from './subcommand.ts';

const USAGE = `Usage: fieldline replay [--from TIME] [--to TIME] [--scanner ID] [--device ID] [--topic FILTER] [options]

Runs what raw-archive has kept through the decoders again and into the tables. Rows that are there already are recognised.
The same command again goes on where a replay was broken off. A TIME is ISO 8601, or how long ago: 90s, 15min, 24h, 7d.

  --from TIME          first time of the range; without it from the beginning
  --to TIME            the range ends before it; without it where the archive ends now
  --scanner, --device, --topic   only these; FILTER is a topic filter with + and #
  --rate N             at most so many messages per second; it yields to live data in any case
  --resume ID          goes on with the replay of this number, also with one that was stopped or has failed
  --queue              leaves the work to a replay node of the gateway, with the settings of its flow
  --decoders FOLDER    own decoders; without it fieldline/decoders in the data directory
  --keys FILE          keys of encrypted devices as address=hex, as advert-decode has them
  --database-url URL   instead of DATABASE_URL, or of the gateway that runs`;

const options = {
  from: { type: 'string' },
  to: { type: 'string' },
  scanner: { type: 'string' },
  device: { type: 'string' },
  topic: { type: 'string' },
  rate: { type: 'string' },
  resume: { type: 'string' },
  queue: { type: 'boolean' },
  decoders: { type: 'string' },
  keys: { type: 'string' },
  'database-url': { type: 'string' },
} as const;

/** A replay that is resumed has its range; one that is queued goes by the flow of the node. */
const NOT_BESIDE = [
  ['queue', ['resume', 'rate', 'decoders', 'keys']],
  ['resume', ['from', 'to', 'scanner', 'device', 'topic']],
] as const;

const OWNER = 'fieldline replay';
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
const TELL_MS = 1000;
const COUNT_MS = 1000;
/** Batches on their way at once: as many as the throttle ever lets go. */
const BATCHES = 40;

/** Exit code: 0 done, 1 failed or stopped, 2 wrong use. Progress on standard error, one JSON line of the result on standard output. */
export const run = subcommand({ name: 'replay', text: USAGE, options }, async ({ values: given }, io) => {
  for (const [option, others] of NOT_BESIDE)
    if (given[option] !== undefined)
      for (const other of others)
        if (given[other] !== undefined) throw wrongUse(`--${option}`, `it without --${other}`, given[other]);
  checkNamedFolder('--decoders', given.decoders);
  const selection = selectionOf(given, Date.now());
  const perSecond = given.rate === undefined ? undefined : numberOf('--rate', given.rate);
  const resume = given.resume === undefined ? undefined : replayNumber(given.resume);
  const keys = given.keys === undefined ? undefined : deviceKeys(given.keys);
  return withDatabase(io, given['database-url'], async ({ url, folder }) => {
    const store = openStore({ url: named(url) });
    try {
      await upToDate(store);
      const words = wordsOf(given);
      if (given.queue) {
        io.stderr(queuedWords(await askForReplay(store.query, { selection, askedBy: 'command line', words })));
        return 0;
      }
      if (resume !== undefined) await resumeReplay(store.query, resume, OWNER);
      const id = resume ?? (await asked(store, { selection, words }, io));
      io.background?.();
      const decoders = given.decoders ?? path.join(folder, 'decoders');
      return await work(store, id, { folder: decoders, keys, perSecond, io });
    } finally {
      await store.close();
    }
  });
});

async function asked({ query }: Store, wish: Pick<Wish, 'selection' | 'words'>, io: Io): Promise<number> {
  const { replay, already, beside } = await askForReplay(query, { ...wish, askedBy: 'command line', owner: OWNER });
  const { id, selection } = replay;
  if (already)
    io.stderr(`replay ${id} of the same range goes on: ${replayFigures(replay)}, ${JSON.stringify(selection)}`);
  if (beside !== undefined) io.stderr(`replay ${id}: ${besideWords(beside)}`);
  return id;
}

/** The url with a name for the connections that tells their writes from live ones. */
function named(url: string): string {
  if (!URL.canParse(url)) return url;
  const own = new URL(url);
  own.searchParams.set('application_name', REPLAY_CONNECTIONS);
  return own.href;
}

function numberOf(name: string, text: string): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw wrongUse(name, 'a number above 0', text);
}

function replayNumber(text: string): number {
  const id = Number(text);
  if (id > 0 && Number.isSafeInteger(id)) return id;
  throw wrongUse('--resume', 'the number of a replay', text);
}

function deviceKeys(file: string): ReadonlyMap<string, string> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw wrongUse('--keys', 'a file that can be read', `${file}: ${reasonOf(error)}`);
  }
  const { keys, fault } = keysOf(text);
  if (fault !== undefined) throw new Fault('FIELDLINE_SETTING', `--${fault}`);
  return keys;
}

async function upToDate({ query }: Store): Promise<void> {
  const { version, newest } = await migrationState(query);
  if (version < newest)
    throw new Fault(
      'FIELDLINE_DATABASE',
      `database: expected version ${newest}, got ${version}: run fieldline migrate`,
    );
}

type Work = { folder: string; keys: ReadonlyMap<string, string> | undefined; perSecond: number | undefined; io: Io };

async function work(store: Store, id: number, { folder, keys, perSecond, io }: Work): Promise<number> {
  const { query } = store;
  const claim = randomUUID();
  const replay = await claimed(store, claim, id, io);
  if (typeof replay === 'number') return replay;
  let { total } = replay;
  // Counting a year takes a while: beside the replay then, which so far goes without a percentage.
  const counting = (async () => {
    total ??= await countReplay(query, replay);
  })().catch(() => {});
  await Promise.race([counting, wait(COUNT_MS, undefined, { ref: false })]);
  const decoders = await openOwnDecoders(folder, fault => io.stderr(`decoder left out: ${fault}`));
  const flow = replayFlow(store, decoders.registry, keys);
  const replayRun = openReplay({ query, replay, claim, live: liveWrites(query), perSecond });
  const carrier = courier({
    source: replayRun.source,
    mode: 'batches',
    maxOpen: BATCHES,
    emit: flow.emit,
    async deadLetter(raw, reason, attempts) {
      const { topic, source: scannerId, protocol, deviceId, receivedAt, bytes, entry } = raw;
      const letter = { topic, scannerId, protocol, deviceId, receivedAt, bytes, reason, attempts, entry };
      await keepLetters(query, REPLAY_SOURCE, [{ kind: 'raw', ...letter, givenUpAt: Date.now() }]);
      replayRun.gaveUp(raw);
    },
  });
  const now = (): Replay => ({ ...replay, ...replayRun.progress, total });
  const tell = () => io.stderr(`replay ${id}: ${replayFigures(now())}`);
  tell();
  const ticker = setInterval(tell, TELL_MS);
  const { interrupted, forget } = interruption();
  const end = await Promise.race([replayRun.ended, interrupted]);
  forget();
  clearInterval(ticker);
  if (end === 'interrupted') io.stderr(`replay ${id}: waits for what is under way; a second signal ends it at once`);
  await carrier.stop();
  await flow.close();
  decoders.close();
  const state = wordOf(end);
  io.stderr(`replay ${id}: ${state === 'done' ? doneFigures(now()) : replayFigures(now())}`);
  // The figures of readings are those of this command, not of one that was broken off before.
  const since = replay.settled > 0 ? `, since it went on behind ${quantity(replay.settled, 'message')}` : '';
  io.stderr(`replay ${id}: ${countedWords(flow.counts)}${since}`);
  io.stdout(JSON.stringify({ id, state, ...replayRun.progress, total, ...flow.counts }));
  if (end !== 'interrupted' && end.state === 'failed') io.stderr(`replay ${id}: ${end.reason}`);
  if (state === 'interrupted') io.stderr(`replay ${id}: goes on with fieldline replay --resume ${id}`);
  return state === 'done' ? 0 : 1;
}

/** The first signal that asks this process to end; `forget` leaves signals to others again. */
function interruption(): { interrupted: Promise<'interrupted'>; forget(): void } {
  const { promise, resolve } = Promise.withResolvers<'interrupted'>();
  const interrupt = () => resolve('interrupted');
  for (const signal of SIGNALS) process.once(signal, interrupt);
  return {
    interrupted: promise,
    forget() {
      for (const signal of SIGNALS) process.removeListener(signal, interrupt);
    },
  };
}

/** Whoever was killed has its claim a little longer: that is waited for. The exit code where somebody else has ended it meanwhile. */
async function claimed({ query }: Store, claim: string, id: number, io: Io): Promise<Replay | number> {
  const until = performance.now() + (LEASE_SECONDS + 1) * 1000;
  let first: string | undefined;
  for (;;) {
    const replay = await claimReplay(query, claim, { id });
    if (replay !== undefined) return replay;
    const other = await claimOf(query, id);
    const [row] = await query<ReplayEnded>('SELECT id, state, settled, failed, total FROM replays WHERE id = $1', [id]);
    const running = row?.state === 'running';
    const figures = row && replayFigures({ ...row, total: row.total ?? undefined });
    if (first !== undefined && row !== undefined && !running) {
      io.stderr(`replay ${id}: somebody else has ended it: ${figures}`);
      io.stdout(JSON.stringify(row));
      return row.state === 'done' ? 0 : 1;
    }
    if (!running)
      throw new Fault(
        'FIELDLINE_SETTING',
        expected(`replay ${id}`, 'one that is unfinished and that nobody runs', row?.state ?? 'none'),
      );
    const isRenewed = first !== undefined && other !== undefined && other.until !== first;
    if (isRenewed || performance.now() > until) {
      io.stderr(`replay ${id}: somebody else runs it: ${figures}; this command has nothing to do`);
      return 1;
    }
    if (first === undefined && other !== undefined) {
      first = other.until;
      const seconds = Math.max(1, Math.ceil(other.seconds));
      io.stderr(`replay ${id}: somebody runs it, or was killed while it did: waiting, at most ${seconds} s`);
    }
    await wait(250);
  }
}

type ReplayEnded = { id: number; state: string; settled: number; failed: number; total: number | null };

function wordOf(end: ReplayEnd | 'interrupted'): string {
  if (end === 'interrupted') return end;
  return end.state === 'lost' ? 'stopped' : end.state;
}
