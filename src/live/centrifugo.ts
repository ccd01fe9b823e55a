// Codec of /ws: the Centrifugo client protocol v2 in JSON, so that its public clients and a bare WebSocket work unmodified.
import { randomUUID } from 'node:crypto';
import { type Clock, systemClock } from '../kernel/clock.ts';
import type { Refused } from '../kernel/token.ts';
import type { Principal } from '../reading/principal.ts';
import { allowance } from './allowance.ts';
import { subscriptionsOf } from './centrifugo-subscriptions.ts';
import {
  type Call,
  closes,
  type Command,
  errorReply,
  lostPush,
  type Method,
  PING,
  parseCommand,
  type ReplyError,
  reply,
  replyErrors,
} from './centrifugo-wire.ts';
import type { Close, Codec, Session, Wire } from './codec.ts';
import type { Hub } from './hub.ts';

export type CentrifugoOptions = {
  clock?: Clock;
  /** Between two pings; a client silent for two of them and 10 s more is gone. */
  pingMs?: number;
  maxSubscriptions?: number;
  /** Commands that a client may send; in a burst two for each subscription, for a reconnect. */
  commandsPerSecond?: number;
  /** Bytes that may wait for a client before it counts as slow. */
  queueBytes?: number;
};

const PONG_GRACE_MS = 10_000;
const CONNECT_LIMIT_MS = 10_000;

const defaults: Required<CentrifugoOptions> = {
  clock: systemClock,
  pingMs: 25_000,
  maxSubscriptions: 128,
  commandsPerSecond: 50,
  queueBytes: 4 * 1024 * 1024,
};

export function centrifugoCodec(options: CentrifugoOptions = {}): Codec {
  const all = { ...defaults, ...options };
  return (hub, wire) => openSession(hub, wire, all);
}

function openSession(hub: Hub, wire: Wire, options: Required<CentrifugoOptions>): Session {
  const { clock, pingMs, maxSubscriptions, commandsPerSecond, queueBytes } = options;
  const burst = 2 * maxSubscriptions + commandsPerSecond;
  const commands = allowance(commandsPerSecond, burst, clock);
  const subscriptions = subscriptionsOf(hub, { send: push, close: end, backlog: () => wire.backlog }, options);
  const client = randomUUID();
  let who: Principal | 'nobody' | 'gone' = 'nobody';
  const stopListening = hub.onBreak(resubscribeAll);
  let replies: string[] = [];
  const openedAt = clock.steady();
  let heardAt = openedAt;
  let pingedAt = openedAt;

  function closed(): void {
    who = 'gone';
    stopListening();
    subscriptions.close();
  }

  function end(close: Close): void {
    if (gone()) return;
    sendReplies();
    closed();
    wire.close(close);
  }

  // A function, as the compiler does not see that any call may end the session.
  function gone(): boolean {
    return who === 'gone';
  }

  /** A client that takes too little is sent away: it comes back and resumes where it was. */
  function send(frame: string | Buffer): void {
    if (gone()) return;
    if (wire.backlog <= queueBytes) {
      wire.send(frame);
      return;
    }
    closed();
    wire.close(closes.slow);
  }

  /** What has been answered goes before it: rows never come ahead of the reply to their subscription. */
  function push(frame: string | Buffer): void {
    sendReplies();
    send(frame);
  }

  function sendReplies(): void {
    const frame = replies.join('\n');
    replies = [];
    if (frame !== '') send(frame);
  }

  /** Rows went by that nobody can tell; the client comes back to each channel and hears that it has a gap. */
  function resubscribeAll(): void {
    for (const channel of subscriptions.names()) {
      subscriptions.unsubscribe(channel);
      push(lostPush(channel));
    }
  }

  function receive(frame: string | Buffer): undefined {
    heardAt = clock.steady();
    if (typeof frame !== 'string') return void end(closes.inappropriateProtocol);
    const lines = frame.split('\n').filter(line => line.trim() !== '');
    if (lines.length === 0) return void end(closes.badRequest);
    // Who waits to be let in is soon answered; who is in may ask for much.
    for (const line of lines)
      if (who === 'nobody') takeLine(line);
      else wire.turn(() => takeLine(line));
    wire.turn(sendReplies);
  }

  function takeLine(line: string): void {
    if (gone()) return;
    const command = parseCommand(line);
    const allowed = commands.take();
    const fault =
      command === undefined
        ? closes.badRequest
        : commands.overdrawn > burst
          ? closes.tooManyRequests
          : allowed
            ? carryOut(command)
            : refuse(command, replyErrors.tooManyRequests);
    if (fault !== undefined) end(fault);
  }

  function refuse(command: Command, error: ReplyError): undefined {
    if (command.kind === 'call') replies.push(errorReply(command.id, error));
  }

  function carryOut(command: Command): Close | undefined {
    if (command.kind === 'pong') return undefined;
    if (command.kind === 'send') return closes.notAvailable;
    const { id, method, params } = command;
    // The first command is `connect`, and no later one is.
    if ((method === 'connect') !== (who === 'nobody')) return closes.badRequest;
    if (method === 'connect') return connect(command);
    const answer = method === undefined ? replyErrors.methodNotFound : answers[method](id, params);
    replies.push(typeof answer === 'string' ? answer : errorReply(id, answer));
    return undefined;
  }

  function connect({ id, params: { token } }: Call): Close | undefined {
    const principal = wire.identify(typeof token === 'string' ? token : '');
    if ('refused' in principal) {
      if (!isExpired(principal)) return closes.invalidToken;
      // The client asks its owner for a new one and comes back with it.
      replies.push(errorReply(id, replyErrors.tokenExpired));
      return undefined;
    }
    who = principal;
    const ping = Math.max(1, Math.round(pingMs / 1000));
    replies.push(
      reply(id, 'connect', { client, version: 'fieldline', ping, pong: true, ...timeLeft(principal, clock.now()) }),
    );
    return undefined;
  }

  /** A new token goes on where the old one was; it may not make somebody else of the client. */
  function refresh(id: number, { token }: Call['params']): string | ReplyError {
    const { org, subject } = who as Principal;
    const principal = typeof token === 'string' ? wire.identify(token) : { refused: 'no token' };
    if ('refused' in principal) return isExpired(principal) ? replyErrors.tokenExpired : replyErrors.permissionDenied;
    if (principal.org !== org || principal.subject !== subject) return replyErrors.permissionDenied;
    who = principal;
    return reply(id, 'refresh', { client, version: 'fieldline', ...timeLeft(principal, clock.now()) });
  }

  const notAvailable = () => replyErrors.notAvailable;
  const answers: Readonly<
    Record<Exclude<Method, 'connect'>, (id: number, params: Call['params']) => string | ReplyError>
  > = {
    subscribe: (id, params) => subscriptions.subscribe(id, params, who as Principal),
    unsubscribe(id, { channel }) {
      if (typeof channel !== 'string' || channel === '') return replyErrors.badRequest;
      subscriptions.unsubscribe(channel);
      return reply(id, 'unsubscribe', {});
    },
    // Commands to devices go through HTTP, where they are checked and logged.
    publish: () => replyErrors.permissionDenied,
    ping: id => reply(id, 'ping', {}),
    presence: notAvailable,
    presence_stats: notAvailable,
    history: (id, params) => subscriptions.history(id, params, who as Principal),
    rpc: notAvailable,
    refresh,
    sub_refresh: notAvailable,
  };

  function tick(): void {
    const now = clock.steady();
    if (who === 'gone') return;
    if (who === 'nobody') {
      if (now - openedAt > CONNECT_LIMIT_MS) end(closes.stale);
    } else if (who.expiresAt !== undefined && who.expiresAt <= clock.now()) end(closes.expired);
    else if (now - heardAt > 2 * pingMs + PONG_GRACE_MS) end(closes.noPong);
    else if (now - pingedAt >= pingMs) {
      pingedAt = now;
      push(PING);
    }
  }

  return { receive, tick, shutdown: () => end(closes.shutdown), closed };
}

function isExpired({ refused }: Refused): boolean {
  return refused.endsWith('expired');
}

/** Seconds until the client has to show a new token. */
function timeLeft({ expiresAt }: Principal, now: number): { expires?: true; ttl?: number } {
  return expiresAt === undefined ? {} : { expires: true, ttl: Math.max(1, Math.floor((expiresAt - now) / 1000)) };
}
