// Durable MQTT subscriber: acknowledges a message only after it has settled; MQTT 5 first, 3.1.1 where the broker knows no other.
import { backoff } from '../kernel/backoff.ts';
import { type Clock, systemClock } from '../kernel/clock.ts';
import { filterFault } from '../kernel/topic.ts';
import type { Source } from '../reading/contracts.ts';
import type { TopicFilter } from './audience.ts';
import { type Connection, connection, type End } from './connection.ts';
import { brokerAddress, credentialsFor, dial, type TlsOptions } from './dial.ts';
import { inbox } from './inbox.ts';
import type { Oversized } from './packet-reader.ts';
import { type Received, receiveWindow } from './receive-window.ts';
import type { SourceHooks, SourceState } from './source-state.ts';
import { spokenVersion } from './spoken-version.ts';
import { subscription } from './subscription.ts';

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
// 3.1.1 does not tell how many messages a broker sends without an acknowledgement; 20 is the usual default.
const INFLIGHT_V4 = 20;

/** Throws a Fault FIELDLINE_SETTING when the address is none. Everything later is told through `onState`, and tried again for ever. */
export function wireSource(options: WireSourceOptions): Source {
  const address = brokerAddress(options.url);
  const { clientId, filters, window, source, clock = systemClock, maxPacketBytes = 1 << 20 } = options;
  const { onWindow = () => {}, onDropped = () => {} } = options;

  return onMessage => {
    const tell = (state: SourceState): void => options.onState?.(state);
    const waits = backoff(200, LAST_RETRY_MS);
    const spoken = spokenVersion();
    let line: Connection | undefined;
    let closed = false;
    let wait: NodeJS.Timeout | undefined;

    const box = inbox(
      packet => line?.send(packet),
      () => messages.roomMade(),
    );
    const messages = receiveWindow(box, window, {
      handOut,
      read: on => line?.read(on),
      onFull: onWindow,
      brokerMost: () => (spoken.current === 5 ? window : Math.min(window, INFLIGHT_V4)),
    });
    const wanted = subscription(filters, options.unsubscribe ?? [], {
      onSubscribed(less) {
        const via = spoken.current === 5 ? 'MQTT 5' : 'MQTT 3.1.1';
        tell({ state: 'subscribed', via, detail: less || undefined });
      },
      onRefused: reason => tell({ state: 'refused', reason }),
    });

    function handOut({ packet, bytes, content, identity }: Received, settle: () => void): void {
      const { topic, qos, messageId = 0, dup } = packet;
      const receipt = { key: `${clientId}:${messageId}:${identity}`, redelivered: dup };
      onMessage(
        {
          topic,
          bytes,
          known: { bytes, digest: content },
          receivedAt: clock.now(),
          source,
          protocol: 'mqtt',
          ...(qos > 0 ? { receipt } : {}),
        },
        settled => settled.ok && settle(),
      );
    }

    function onOversized({ qos, topic, messageId = 0, bytes }: Oversized): void {
      onDropped(`larger than ${maxPacketBytes} bytes`, topic, bytes);
      if (qos === 0) return;
      const arrived = { qos, packetId: messageId, digest: `${topic} ${bytes}` };
      if (!box.recognise(arrived)) box.take(arrived)();
    }

    function connect(): void {
      tell({ state: 'connecting' });
      const stream = dial(address, options.tls ?? {}, maxPacketBytes * 2, () => mine.opened());
      let stable: NodeJS.Timeout | undefined;
      const mine = connection(
        stream,
        spoken.current,
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
            spoken.proven();
            stable = setTimeout(() => waits.reset(), STABLE_MS);
            box.connected(sessionPresent);
            wanted.connected(mine, sessionPresent);
          },
          onSuback: wanted.answered,
          onPublish: messages.onPublish,
          onOversized,
          onPubrel: box.pubrel,
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
      messages.disconnected();
      wanted.disconnected();
      box.disconnected();
      if (closed) return;
      tell({ state: at === 'refused' ? 'refused' : 'offline', reason });
      wait = setTimeout(connect, spoken.ended(at) ? 0 : waits.next());
    }

    const wrong = filters.find(({ filter }) => filterFault(filter) !== undefined);
    if (wrong) tell({ state: 'refused', reason: `${wrong.filter}: ${filterFault(wrong.filter)}` });
    else connect();

    return {
      pause: messages.pause,
      resume: messages.resume,
      async close() {
        closed = true;
        clearTimeout(wait);
        const last = line;
        line = undefined;
        messages.disconnected();
        wanted.disconnected();
        await last?.close();
        tell({ state: 'closed' });
      },
    };
  };
}
