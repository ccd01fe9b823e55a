// Ingest desk: who may post how often, what becomes of it, and the answer; the same for HTTP and WebSocket.
import { digest } from '../kernel/bytes.ts';
import { boundedMap } from '../kernel/bounded.ts';
import type { Clock } from '../kernel/clock.ts';
import { Fault, reasonOf } from '../kernel/fault.ts';
import type { Ending } from '../kernel/ledger.ts';
import type { Protocol, Reading } from '../reading/reading.ts';
import type { TimeLimits } from '../reading/time.ts';
import { type Answer, answerOf, refusal } from './ingest-answer.ts';
import type { Claim } from './ingest-claim.ts';
import { readBody } from './ingest-items.ts';
import type { Intake } from './intake.ts';
import type { Key, KeyRing } from './key-ring.ts';
import { isProblem, problem } from './problem.ts';
import type { RateLimit } from './rate.ts';

export type Posted = {
  key: Key;
  bytes: Uint8Array;
  protocol: Protocol;
  /** Topic under which the raw archive keeps it. */
  topic: string;
  /** Device that the address names. */
  deviceId?: string | undefined;
  /** Takes the good items of a batch that has bad ones. */
  partial?: boolean;
  idempotencyKey?: string | undefined;
};

export type DeskOptions = {
  ring: KeyRing;
  rate: RateLimit;
  clock: Clock;
  perMinute: Readonly<Record<Key['kind'], number>>;
  maxItems: number;
  /** Readings under way and not yet settled; above it senders are told to come again. */
  window: number;
  /** A request that has not settled by then is answered 503; what it brought goes on. */
  answerMs: number;
  times: TimeLimits;
  /** Where an idempotency key belongs to one body for longer than this process lives. */
  claim: Claim;
  /** Sends the readings into the flow; the ending of each when they have settled. Rejects with a Fault of kind outage or unfinished. */
  deliver(readings: readonly Reading[]): Promise<readonly Ending[]>;
  onAnswer?(answer: Answer): void;
  onRefused?(items: number, reason: string): void;
  onTaken?(readings: readonly Reading[]): void;
};

export type Desk = {
  /** Why nothing can be taken now; undefined when it can. Costs nothing. */
  behind(): Answer | undefined;
  /** The key of these credentials, or the refusal. */
  admit(credentials: string | undefined): Promise<Key | Answer>;
  /** False when the key of these credentials is known to be out of use; for one that asks nothing just now. */
  mayBeInUse(credentials: string): Promise<boolean>;
  /** Counts a request of the key; the refusal when there were too many. */
  count(key: Key): Answer | undefined;
  take(posted: Posted): Promise<Answer>;
  /** Counts an answer that was found without the desk, and what it turned away for good. */
  refuse(answer: Answer, reason?: string): Answer;
  /** Counts a request that nobody could answer: its sender left, or broke the rules of HTTP, in the middle of the body. */
  cutShort(): void;
  /** Readings that another route has read and checked, on the same way. Rejects with a Fault of kind outage when they cannot be taken now. */
  deposit: Intake;
  /** Paused, it tells senders to come again in a moment; what it has taken goes on. */
  pause(paused: boolean): void;
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
  readonly open: number;
};

const AGAIN_S = 5;
const DEPLOY_S = 2;
const MOST_REMEMBERED = 10_000;
const MOST_REMEMBERED_BYTES = 4096;

export function ingestDesk(options: DeskOptions): Desk {
  const { ring, rate, clock, window, answerMs } = options;
  /** By idempotency key; without an answer where that is too large to be kept. */
  const remembered = boundedMap<string, { digest: string; answer: Promise<Answer> | undefined }>(MOST_REMEMBERED);
  /** Since when, of what is under way, in order. */
  const underWay = new Set<{ since: number }>();
  const idleListeners = new Set<() => void>();
  let open = 0;
  let paused = false;

  function behind(): Answer | undefined {
    if (paused) return away('the flow is being deployed or stopped', DEPLOY_S);
    if (open >= window) return away(`${open} readings wait to be stored`, AGAIN_S);
    const [oldest] = underWay;
    if (oldest === undefined || clock.steady() - oldest.since < answerMs) return undefined;
    return away(`the sink has not answered for ${Math.round((clock.steady() - oldest.since) / 1000)} s`, AGAIN_S);
  }

  async function take(posted: Posted): Promise<Answer> {
    const { key, bytes, idempotencyKey } = posted;
    if (idempotencyKey === undefined) return fresh(posted);
    const name = `${ownerOf(key)} ${posted.topic} ${posted.deviceId ?? ''} ${idempotencyKey}`;
    const identity = digest(bytes);
    const known = remembered.get(name);
    if (known?.digest === identity && known.answer !== undefined) return known.answer;
    if (known !== undefined && known.digest !== identity) return usedTwice();
    const answer = fresh(posted, () => options.claim(name, identity));
    remembered.set(name, { digest: identity, answer });
    const { status } = await answer;
    // What was refused may come again, mended or later; what has been committed meanwhile is known by its receipt.
    if (status >= 400) remembered.delete(name);
    else if (bytes.byteLength > MOST_REMEMBERED_BYTES) remembered.set(name, { digest: identity, answer: undefined });
    return answer;
  }

  function usedTwice(): Answer {
    options.onRefused?.(1, 'key used twice');
    return refusal(problem(422, 'Key used twice', OTHER_BODY, 'idempotency-key'));
  }

  async function fresh(posted: Posted, claim?: () => Promise<boolean>): Promise<Answer> {
    const { key, protocol, topic, deviceId, partial = false, idempotencyKey } = posted;
    const receipt =
      idempotencyKey === undefined ? undefined : { key: `http ${ownerOf(key)} ${idempotencyKey}`, redelivered: true };
    const body = readBody(posted.bytes, {
      ...{ deviceId, orgId: key.orgId, topic, maxItems: options.maxItems, limits: options.times },
      origin: { receivedAt: clock.now(), source: key.name, protocol, ...(receipt && { receipt }) },
    });
    if ('whole' in body) {
      options.onRefused?.(1, body.tooMany ? 'too many' : 'body');
      const { detail } = body.whole;
      return refusal(body.tooMany ? problem(413, 'Too large', detail) : problem(400, 'Bad request', detail));
    }
    const good = body.items.flatMap(item => ('reading' in item ? [item.reading] : []));
    const bad = body.items.length - good.length;
    const refused = bad > 0 && !(partial || key.partial) ? body.items.length : bad;
    if (refused > 0) options.onRefused?.(refused, 'fields');
    const taken = refused === body.items.length ? [] : good;
    if (refused > bad) return answerOf(body, undefined);
    if (taken.length > 0 && open + taken.length > window && open > 0)
      return away(`${open} readings wait to be stored`, AGAIN_S);
    const endings = taken.length === 0 ? [] : await delivered(taken, claim);
    return 'status' in endings ? endings : answerOf(body, endings, partial || key.partial);
  }

  async function handOver(readings: readonly Reading[], claim?: () => Promise<boolean>) {
    if (claim !== undefined && !(await claim())) return usedTwice();
    options.onTaken?.(readings);
    return options.deliver(readings);
  }

  async function delivered(
    readings: readonly Reading[],
    claim?: () => Promise<boolean>,
  ): Promise<readonly Ending[] | Answer> {
    const mark = { since: clock.steady() };
    underWay.add(mark);
    open += readings.length;
    const settled = handOver(readings, claim)
      .catch((error: unknown) => away(error instanceof Fault ? error.message : reasonOf(error), AGAIN_S))
      .finally(() => {
        underWay.delete(mark);
        open -= readings.length;
        if (underWay.size > 0) return;
        for (const listener of idleListeners) listener();
        idleListeners.clear();
      });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<Answer>(resolve => {
      const says = `not stored within ${answerMs / 1000} s; it may be yet, so send it again unchanged`;
      timer = setTimeout(() => resolve(away(says, AGAIN_S)), answerMs);
    });
    return Promise.race([settled, late]).finally(() => clearTimeout(timer));
  }

  const told = (answer: Answer): Answer => {
    options.onAnswer?.(answer);
    return answer;
  };

  return {
    behind() {
      const answer = behind();
      return answer && told(answer);
    },
    async admit(credentials) {
      if (credentials === undefined) return told(unauthorized('expected an API key, got none'));
      try {
        const key = await ring.find(credentials);
        return key === undefined
          ? told(unauthorized('expected a key that is in use, got another (wrong, expired or revoked)'))
          : key;
      } catch (error) {
        return told(away(`the keys cannot be read: ${reasonOf(error)}`, AGAIN_S));
      }
    },
    mayBeInUse: credentials =>
      ring.find(credentials).then(
        key => key !== undefined,
        () => true,
      ),
    count(key) {
      const perMinute = key.perMinute ?? options.perMinute[key.kind];
      const seconds = rate(String(key.id), perMinute);
      if (seconds === 0) return undefined;
      const says = `expected at most ${perMinute} requests a minute of this key; a batch is one request`;
      return told(refusal(problem(429, 'Too many requests', says), { 'retry-after': String(seconds) }));
    },
    async take(posted) {
      return told(await take(posted));
    },
    refuse(answer, reason) {
      if (reason !== undefined) options.onRefused?.(1, reason);
      return told(answer);
    },
    cutShort() {
      options.onRefused?.(1, 'cut short');
    },
    async deposit(readings) {
      const endings = behind() ?? (await delivered(readings));
      if (!('status' in endings)) return endings;
      throw new Fault('FIELDLINE_FULL', isProblem(endings.body) ? endings.body.detail : 'not now', { kind: 'outage' });
    },
    pause(on) {
      paused = on;
    },
    async idle() {
      if (underWay.size > 0) await new Promise<void>(resolve => idleListeners.add(resolve));
    },
    get open() {
      return open;
    },
  };
}

/** Of all keys of one gateway or app: who sends again may have got a new key meanwhile. */
function ownerOf({ orgId = '', name }: Key): string {
  return `${orgId}/${name}`;
}

const OTHER_BODY = 'idempotency-key: expected the body that was sent with it before, got another';

function away(detail: string, seconds: number): Answer {
  return refusal(problem(503, 'Not now', detail), { 'retry-after': String(seconds) });
}

function unauthorized(detail: string): Answer {
  return refusal(problem(401, 'Unauthorized', detail), { 'www-authenticate': 'Bearer realm="Fieldline ingest"' });
}
