// Codec of /realtime/v1/websocket: Supabase Realtime, so that supabase-js and its sisters work unmodified.
import { type Clock, systemClock } from '../kernel/clock.ts';
import type { Principal } from '../reading/principal.ts';
import { allowance } from './allowance.ts';
import type { Close, Codec, Session, Wire } from './codec.ts';
import type { Hub } from './hub.ts';
import { type Channel, joinChannel, systemNote, type Voice } from './supabase-channel.ts';
import type { Rooms } from './supabase-rooms.ts';
import { type Broadcast, type Frame, isObject, parseFrame, textFrame, type Version } from './supabase-wire.ts';

export type SupabaseOptions = {
  clock?: Clock;
  maxChannels?: number;
  framesPerSecond?: number;
  /** Bytes that may wait for a client before it counts as slow. */
  queueBytes?: number;
};

const defaults: Required<SupabaseOptions> = {
  clock: systemClock,
  maxChannels: 100,
  framesPerSecond: 100,
  queueBytes: 4 * 1024 * 1024,
};

/** Clients send a heartbeat every 25 s. */
const SILENT_LIMIT_MS = 60_000;
const MAX_TOPIC = 255;
const MAX_BROADCAST = 256 * 1024;

/** Clients come back by themselves after every one of them. */
const closes = {
  shutdown: { code: 1012, reason: 'service restart' },
  invalidKey: { code: 4401, reason: 'invalid apikey' },
  badFrame: { code: 4400, reason: 'bad frame' },
  silent: { code: 4408, reason: 'heartbeat timeout' },
  slow: { code: 4413, reason: 'slow' },
  tooMany: { code: 4429, reason: 'too many messages' },
} as const satisfies Record<string, Close>;

export function supabaseCodec(rooms: Rooms, options: SupabaseOptions = {}): Codec {
  const all = { ...defaults, ...options };
  return (hub, wire) => openSession(hub, rooms, wire, all);
}

function openSession(hub: Hub, rooms: Rooms, wire: Wire, options: Required<SupabaseOptions>): Session {
  const { clock, maxChannels, framesPerSecond, queueBytes } = options;
  const version: Version = wire.query.get('vsn')?.startsWith('2') ? 2 : 1;
  const key = wire.query.get('apikey') ?? String(wire.headers['x-api-key'] ?? '');
  // All channels join again at once after a reconnect.
  const burst = 4 * maxChannels + framesPerSecond;
  const frames = allowance(framesPerSecond, burst, clock);
  const channels = new Map<string, { joinRef: string | null; channel: Channel }>();
  let gone = false;
  let heardAt = clock.steady();
  const owner = wire.identify(key);
  if ('refused' in owner) end(closes.invalidKey);

  function closed(): void {
    gone = true;
    for (const { channel } of channels.values()) channel.close();
    channels.clear();
  }

  function end(close: Close): undefined {
    if (gone) return;
    closed();
    wire.close(close);
  }

  function send(all: readonly (string | Buffer)[]): undefined {
    for (const frame of all) {
      if (gone) return;
      if (wire.backlog > queueBytes) return end(closes.slow);
      if (typeof frame === 'string') wire.send(frame);
      else wire.sendBytes(frame);
    }
  }

  function push(topic: string, event: string, payload: unknown, joinRef: string | null = null): void {
    send([textFrame(version, { joinRef, ref: null, topic, event, payload })]);
  }

  function reply({ joinRef, ref, topic }: Frame, status: 'ok' | 'error', response: unknown = {}): undefined {
    send([textFrame(version, { joinRef, ref, topic, event: 'phx_reply', payload: { status, response } })]);
  }

  function receive(bytes: string | Buffer): undefined {
    if (gone) return;
    heardAt = clock.steady();
    const frame = parseFrame(bytes, version);
    if (frame === undefined) return end(closes.badFrame);
    const allowed = frames.take();
    if (frames.overdrawn > burst) return end(closes.tooMany);
    if (!allowed) return reply(frame, 'error', { reason: 'ClientRateLimitReached: Too many messages per second' });
    if (frame.topic === 'phoenix')
      return frame.event === 'heartbeat'
        ? reply(frame, 'ok')
        : reply(frame, 'error', { reason: `unmatched event ${frame.event.slice(0, 80)}` });
    const words = Object.hasOwn(events, frame.event) ? events[frame.event] : undefined;
    if (words === undefined) return reply(frame, 'error', { reason: `unmatched event ${frame.event.slice(0, 80)}` });
    wire.turn(() => {
      if (!gone) words(frame);
    });
  }

  const events: Readonly<Record<string, (frame: Frame) => undefined>> = {
    phx_join: join,
    phx_leave(frame) {
      const { joinRef } = channels.get(frame.topic) ?? frame;
      leave(frame.topic);
      reply(frame, 'ok');
      send([textFrame(version, { joinRef, ref: joinRef, topic: frame.topic, event: 'phx_close', payload: {} })]);
    },
    access_token({ topic, payload }) {
      const token = isObject(payload) ? payload['access_token'] : undefined;
      const found = channels.get(topic);
      if (found === undefined || typeof token !== 'string') return;
      const principal = wire.identify(token);
      if ('refused' in principal) evict(topic, principal.refused);
      else found.channel.become(principal);
    },
    broadcast(frame) {
      const broadcast = frame.broadcast ?? broadcastOf(frame.payload);
      const found = channels.get(frame.topic);
      if (found === undefined) return reply(frame, 'error', { reason: 'unmatched topic' });
      if (broadcast === undefined || broadcast.payload.length > MAX_BROADCAST)
        return reply(frame, 'error', {
          reason: `PayloadTooLarge: expected an event and at most ${MAX_BROADCAST} bytes`,
        });
      if (found.channel.broadcast(broadcast)) reply(frame, 'ok');
    },
    presence(frame) {
      const found = channels.get(frame.topic);
      if (found === undefined) return reply(frame, 'error', { reason: 'unmatched topic' });
      const fault = found.channel.presence(isObject(frame.payload) ? frame.payload : {});
      if (fault === undefined) reply(frame, 'ok');
      else reply(frame, 'error', { reason: fault });
    },
  };

  function join(frame: Frame): undefined {
    const { topic, payload } = frame;
    const joinRef = frame.joinRef ?? frame.ref;
    if (!topic.startsWith('realtime:') || topic.length > MAX_TOPIC || topic === 'realtime:')
      return reply(frame, 'error', { reason: 'unmatched topic' });
    const before = channels.get(topic);
    if (before !== undefined) {
      // The newer join is the one that counts.
      leave(topic);
      push(topic, 'phx_close', {}, before.joinRef);
    }
    if (channels.size >= maxChannels)
      return reply(frame, 'error', { reason: 'ChannelRateLimitReached: Too many channels' });
    const token = isObject(payload) ? payload['access_token'] : undefined;
    // A client may join before it has its own token: then the key speaks for it.
    const principal = wire.identify(typeof token === 'string' && token !== '' ? token : key);
    if ('refused' in principal) return reply(frame, 'error', { reason: `InvalidJWTToken: ${principal.refused}` });
    const voice: Voice = {
      version,
      send,
      push: (event, payload) => push(topic, event, payload),
      reply: (status, response) => reply({ ...frame, joinRef }, status, response),
    };
    const others = { expressions: 0, weight: 0 };
    for (const { channel } of channels.values()) {
      others.expressions += channel.expressions;
      others.weight += channel.weight;
    }
    const channel = joinChannel({ hub, rooms, others }, topic, payload, principal, voice);
    if (channel === undefined) return;
    if (gone) channel.close();
    else channels.set(topic, { joinRef, channel });
  }

  function leave(topic: string): void {
    channels.get(topic)?.channel.close();
    channels.delete(topic);
  }

  /** The token is no longer good: the client is told, and does not come back by itself. */
  function evict(topic: string, reason: string): void {
    const joinRef = channels.get(topic)?.joinRef ?? null;
    leave(topic);
    push(topic, 'system', systemNote(topic, 'system', 'error', reason));
    push(topic, 'phx_close', {}, joinRef);
  }

  function tick(): undefined {
    if (gone) return;
    if (clock.steady() - heardAt > SILENT_LIMIT_MS) return end(closes.silent);
    for (const [topic, { channel }] of [...channels])
      if (hasEnded(channel.principal, clock.now())) evict(topic, 'token: expired');
  }

  return { receive, tick, shutdown: () => end(closes.shutdown), closed };
}

function hasEnded({ expiresAt }: Principal, now: number): boolean {
  return expiresAt !== undefined && expiresAt <= now;
}

/** Of a text frame `{type, event, payload}`. */
function broadcastOf(payload: unknown): Broadcast | undefined {
  if (!isObject(payload) || typeof payload['event'] !== 'string') return undefined;
  return { event: payload['event'], payload: JSON.stringify(payload['payload'] ?? {}) };
}
