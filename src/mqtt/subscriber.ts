// Durable MQTT subscriber: acknowledges a message only after it has settled; MQTT 5 first, 3.1.1 where the broker knows no other.
import type { IPublishPacket } from 'mqtt-packet';
import { backoff } from '../kernel/backoff.ts';
import { digest } from '../kernel/bytes.ts';
import { type Clock, systemClock } from '../kernel/clock.ts';
import { filterFault } from '../kernel/topic.ts';
import type { Source } from '../reading/contracts.ts';
import type { TopicFilter } from './audience.ts';
import type { Version } from './client-packets.ts';
import { type Connection, connection, type End } from './connection.ts';
import { brokerAddress, credentialsFor, dial, type TlsOptions } from './dial.ts';
import { type Arrived, inbox, messageDigest } from './inbox.ts';
import { reasonText } from './reasons.ts';
import type { SourceHooks, SourceState } from './source-state.ts';

export type WireSourceOptions = SourceHooks & {
  /** mqtt, mqtts, ws or wss address; user and password in it are used where none are given below. */
  url: string;
  /** Stable: the broker keeps messages under it while we are away. */
  clientId: string;
  filters: readonly TopicFilter[];
  /** Messages handed out and not yet settled; also the receive maximum of MQTT 5. */
  window: number;
  /** How long the broker keeps the session while we are away (MQTT 5). */
  sessionExpirySeconds: number;
  /** `source` of each Raw. */
  source: string;
  username?: string;
  password?: string;
  tls?: TlsOptions;
  keepaliveSeconds?: number;
  /** A larger message is acknowledged, not handed on, and told through `onDropped`. */
  maxPacketBytes?: number;
  /** Filters of an earlier deploy that the session may still hold. */
  unsubscribe?: readonly string[];
  clock?: Clock;
};

// A connection that lived this long was a good one: the next attempt starts without waiting long.
const STABLE_MS = 2000;
// A broker that is restarted again and again must not be waited for longer than it takes to start.
const LAST_RETRY_MS = 2000;
const RESUBSCRIBE_MS = 30_000;
// 3.1.1 does not tell how many messages a broker sends without an acknowledgement; 20 is the usual default.
const INFLIGHT_V4 = 20;
// Bytes handed out and not yet settled; one message always fits.
const WINDOW_BYTES = 32 << 20;

/** Throws a Fault FIELDLINE_SETTING when the address is none. Everything later is told through `onState`, and tried again for ever. */
export function wireSource(options: WireSourceOptions): Source {
  const address = brokerAddress(options.url);
  const { clientId, filters, window, source, clock = systemClock, maxPacketBytes = 1 << 20 } = options;
  const { onWindow = () => {}, onDropped = () => {} } = options;

  return onMessage => {
    const tell = (state: SourceState): void => options.onState?.(state);
    const waits = backoff(200, LAST_RETRY_MS);
    const box = inbox(packet => line?.send(packet), roomMade);
    let version: Version = 5;
    // A CONNACK has confirmed the version; before that, hanging up may mean that the broker does not speak it.
    let proven = false;
    // 3.1.1 is only a guess after a hang-up, which may have had other reasons (a proxy before a broker that starts).
    let guessed = false;
    let line: Connection | undefined;
    // The one message that was read beyond the window; the socket rests until it can be handed out.
    let held: IPublishPacket | undefined;
    let subscribed = false;
    let full = false;
    let openBytes = 0;
    let refilling = false;
    let paused = false;
    let closed = false;
    let wait: NodeJS.Timeout | undefined;

    function connect(): void {
      tell({ state: 'connecting' });
      const stream = dial(address, options.tls ?? {}, maxPacketBytes * 2, () => mine.opened());
      let stable: NodeJS.Timeout | undefined;
      const mine = connection(
        stream,
        version,
        {
          clientId,
          ...credentialsFor(address, options),
          keepaliveSeconds: options.keepaliveSeconds ?? 30,
          sessionExpirySeconds: options.sessionExpirySeconds,
          receiveMaximum: Math.min(window, 65535),
          maxPacketBytes,
        },
        {
          onConnected(sessionPresent) {
            proven = true;
            stable = setTimeout(() => waits.reset(), STABLE_MS);
            box.connected(sessionPresent);
            // 3.1.1 would send every retained message again.
            if (subscribed && sessionPresent) return tellSubscribed(undefined);
            mine.unsubscribe((options.unsubscribe ?? []).filter(old => filters.every(({ filter }) => filter !== old)));
            subscribe(mine, filters);
          },
          onSuback: (codes, reason) => onSuback(mine, codes, reason),
          onPublish,
          onOversized({ qos, topic, messageId, bytes }) {
            onDropped(`larger than ${maxPacketBytes} bytes`, topic, bytes);
            if (qos > 0) acknowledge({ qos, packetId: messageId ?? 0, digest: `${topic} ${bytes}` });
          },
          onPubrel: id => box.pubrel(id),
          onEnd(end) {
            clearTimeout(stable);
            onEnd(end);
          },
        },
      );
      line = mine;
    }

    function onEnd({ at, reason }: End): void {
      line = undefined;
      held = undefined;
      box.disconnected();
      if (closed) return;
      tell({ state: at === 'refused' ? 'refused' : 'offline', reason });
      const other = at === 'version' || (at === 'handshake' && !proven);
      // Some brokers answer an unknown version with a return code, others by hanging up.
      const atOnce = other && version === 5;
      if (other) {
        version = version === 5 ? 4 : 5;
        guessed = at === 'handshake';
      } else if (guessed && at === 'running') {
        version = 5;
        proven = false;
      }
      wait = setTimeout(connect, atOnce ? 0 : waits.next());
    }

    let asked: readonly TopicFilter[] = [];
    let resubscribe: NodeJS.Timeout | undefined;
    function subscribe(to: Connection, which: readonly TopicFilter[]): void {
      clearTimeout(resubscribe);
      asked = which;
      to.subscribe(which);
    }
    function onSuback(from: Connection, codes: readonly number[], reason: string | undefined): void {
      const answers = asked.map((filter, at) => ({ ...filter, code: codes[at] ?? 0x80 }));
      const refused = answers.filter(({ code }) => code >= 0x80);
      subscribed = refused.length === 0;
      if (subscribed) {
        const less = answers.filter(({ qos, code }) => code < qos);
        tellSubscribed(less.map(({ filter, qos, code }) => `${filter}: QoS ${code} instead of ${qos}`).join(', '));
        return;
      }
      const text = refused.map(({ filter, code }) => `${filter}: ${reasonText(code, reason)}`).join(', ');
      tell({ state: 'refused', reason: `subscription refused: ${text}` });
      // An administrator may allow it later; MQTT does not tell.
      resubscribe = setTimeout(() => line === from && subscribe(from, refused), RESUBSCRIBE_MS);
    }
    function tellSubscribed(detail: string | undefined): void {
      tell({ state: 'subscribed', via: version === 5 ? 'MQTT 5' : 'MQTT 3.1.1', detail: detail || undefined });
    }

    function acknowledge(message: Arrived): void {
      if (!box.recognise(message)) box.take(message)();
    }

    function onPublish(packet: IPublishPacket): void {
      const { topic, qos, messageId = 0, dup } = packet;
      const payload = packet.payload as Buffer;
      const content = digest(payload);
      const arrived = { qos, packetId: messageId, digest: qos > 0 ? messageDigest(topic, content) : '' };
      if (box.recognise(arrived)) return;
      if (paused || isFull()) {
        held = packet;
        line?.read(false);
        return;
      }
      const release = box.take(arrived);
      let bytes = payload.length;
      openBytes += bytes;
      const settle = (): void => {
        openBytes -= bytes;
        bytes = 0;
        release();
      };
      const receipt = { key: `${clientId}:${messageId}:${arrived.digest}`, redelivered: dup };
      onMessage(
        {
          topic,
          bytes: payload,
          known: { bytes: payload, digest: content },
          receivedAt: clock.now(),
          source,
          protocol: 'mqtt',
          ...(qos > 0 ? { receipt } : {}),
        },
        settled => settled.ok && settle(),
      );
      tellFull();
    }

    const isFull = (): boolean => box.open >= window || openBytes >= WINDOW_BYTES;
    function tellFull(): void {
      const now = openBytes >= WINDOW_BYTES || box.open >= (version === 5 ? window : Math.min(window, INFLIGHT_V4));
      if (now === full) return;
      full = now;
      onWindow(now);
    }
    // Deferred, so that a batch which settles in one turn makes room for a batch and not for one message at a time.
    function roomMade(): void {
      if (refilling) return;
      refilling = true;
      queueMicrotask(refill);
    }
    function refill(): void {
      refilling = false;
      tellFull();
      if (paused || closed || isFull()) return;
      const packet = held;
      held = undefined;
      if (packet !== undefined) onPublish(packet);
      if (held === undefined) line?.read(true);
    }

    const wrong = filters.find(({ filter }) => filterFault(filter) !== undefined);
    if (wrong) tell({ state: 'refused', reason: `${wrong.filter}: ${filterFault(wrong.filter)}` });
    else connect();

    return {
      pause() {
        paused = true;
      },
      resume() {
        paused = false;
        refill();
      },
      async close() {
        closed = true;
        clearTimeout(wait);
        clearTimeout(resubscribe);
        const last = line;
        line = undefined;
        held = undefined;
        await last?.close();
        tell({ state: 'closed' });
      },
    };
  };
}
