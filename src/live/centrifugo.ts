// Codec of /ws: the Centrifugo client protocol v2 in JSON, so that its public clients and a bare WebSocket work unmodified.
import { randomUUID } from 'node:crypto';
import { type Clock, systemClock } from '../kernel/clock.ts';
import { allowance } from './allowance.ts';
import { subscriptionsOf } from './centrifugo-subscriptions.ts';
import {
  type Call,
  type Command,
  type Method,
  PING,
  type ReplyError,
  closes,
  errorReply,
  parseCommand,
  reply,
  replyErrors,
} from './centrifugo-wire.ts';
import type { Close, Codec, Principal, Session, Wire } from './codec.ts';
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
  const subscriptions = subscriptionsOf(hub, { send, close: end, backlog: () => wire.backlog }, options);
  let who: Principal | 'nobody' | 'asked' | 'gone' = 'nobody';
  // Commands behind a `connect` whose token is still being looked at.
  const waiting: Call[] = [];
  let replies: string[] = [];
  const openedAt = clock.steady();
  let heardAt = openedAt;
  let pingedAt = openedAt;

  function closed(): void {
    who = 'gone';
    waiting.length = 0;
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

  function sendReplies(): void {
    const frame = replies.join('\n');
    replies = [];
    if (frame !== '') send(frame);
  }

  function receive(frame: string | undefined): void {
    heardAt = clock.steady();
    const fault = frame === undefined ? closes.inappropriateProtocol : obeyLines(frame);
    if (fault === undefined) sendReplies();
    else end(fault);
  }

  /** Why the client is sent away for this frame, or undefined. */
  function obeyLines(frame: string): Close | undefined {
    const lines = frame.split('\n').filter(line => line.trim() !== '');
    if (lines.length === 0) return closes.badRequest;
    for (const line of lines) {
      if (gone()) return undefined;
      const command = parseCommand(line);
      if (command === undefined) return closes.badRequest;
      const allowed = commands.take();
      if (commands.overdrawn > burst) return closes.tooManyRequests;
      const fault = allowed ? obey(command) : refuse(command, replyErrors.tooManyRequests);
      if (fault !== undefined) return fault;
    }
    return undefined;
  }

  function refuse(command: Command, error: ReplyError): undefined {
    if (command.kind === 'call') replies.push(errorReply(command.id, error));
  }

  function obey(command: Command): Close | undefined {
    if (command.kind === 'pong') return undefined;
    if (command.kind === 'send') return closes.notAvailable;
    if (who === 'asked') {
      waiting.push(command);
      return undefined;
    }
    const { id, method, params } = command;
    // The first command is `connect`, and no later one is.
    if ((method === 'connect') !== (who === 'nobody')) return closes.badRequest;
    if (method === 'connect') {
      connect(command);
      return undefined;
    }
    const answer = method === undefined ? replyErrors.methodNotFound : answers[method](id, params);
    replies.push(typeof answer === 'string' ? answer : errorReply(id, answer));
    return undefined;
  }

  async function connect({ id, params: { token } }: Call): Promise<void> {
    who = 'asked';
    try {
      const principal = await wire.authorize(typeof token === 'string' ? token : '');
      if (gone()) return;
      if (principal === undefined) {
        end(closes.invalidToken);
        return;
      }
      who = principal;
    } catch {
      end(closes.serverError);
      return;
    }
    const ping = Math.max(1, Math.round(pingMs / 1000));
    replies.push(reply(id, 'connect', { client: randomUUID(), version: 'fieldline', ping, pong: true }));
    for (const call of waiting.splice(0)) {
      const fault = gone() ? undefined : obey(call);
      if (fault !== undefined) end(fault);
    }
    sendReplies();
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
    history: notAvailable,
    rpc: notAvailable,
    refresh: notAvailable,
    sub_refresh: notAvailable,
  };

  function tick(): void {
    const now = clock.steady();
    if (who === 'nobody' || who === 'asked') {
      if (now - openedAt > CONNECT_LIMIT_MS) end(closes.stale);
    } else if (now - heardAt > 2 * pingMs + PONG_GRACE_MS) end(closes.noPong);
    else if (now - pingedAt >= pingMs) {
      pingedAt = now;
      send(PING);
    }
  }

  return { receive, tick, shutdown: () => end(closes.shutdown), closed };
}
