// MQTT publisher as a sink: a message has arrived with its PUBACK; MQTT 5 first, 3.1.1 where the broker knows no other.
import { generate, type IPublishPacket } from 'mqtt-packet';
import { type Clock, systemClock } from '../kernel/clock.ts';
import { expected, Fault, reasonOf } from '../kernel/fault.ts';
import type { Outcome, Sink } from '../reading/contracts.ts';
import { type Allowance, type Connection, connection, type End, type Version } from './connection.ts';
import { brokerAddress, dial } from './dial.ts';
import { reasonText } from './reasons.ts';
import type { Endpoint } from './stock-broker.ts';

/** `entries`: of the messages in the ledger. */
export type Outgoing = {
  topic: string;
  payload: Uint8Array;
  qos: 0 | 1;
  retain: boolean;
  entries?: readonly string[];
};
export type PublisherOptions = Endpoint & {
  clientId: string;
  /** Messages on their way at a time; the broker may ask for less. */
  window?: number;
  /** Silence of a broker that owes a PUBACK, after which the connection is given up. */
  answerMs?: number;
  clock?: Clock;
};
export type Publisher = Sink<Outgoing> & {
  arrived(row: Outgoing): boolean;
  /** How long to leave the broker alone after the connection has ended: two clients of one id would end each other's for ever. */
  restMs(): number;
};

/** A connection that ends sooner is a short life; from the third in a row on, the next begins later and later. */
const SHORT_LIFE_MS = 10_000;
const SHORT_LIVES = 3;
const LONGEST_REST_MS = 5000;

/** Wildcards, control characters, and code points that are no characters. */
const UNFIT = /[+#]|\p{Cc}|\p{Noncharacter_Code_Point}|\p{Cs}/u;

type Line = { connection: Connection; allowance: Allowance };
type Waiting = { row: Outgoing; acknowledged(code: number, reason: string | undefined): void };

const MAX_PACKET = 1 << 20;
const LAST_ID = 0xffff;
/** Quota exceeded (MQTT 5 §3.4.2.1): the broker takes it later. */
const QUOTA = 0x97;
/** Reasons of DISCONNECT (MQTT 5 §3.14.2.1) that speak of a message: malformed, protocol, not authorized, topic, size, format. */
const ABOUT_MESSAGE = new Set([0x81, 0x82, 0x87, 0x90, 0x95, 0x99]);
// Fixed header, topic length, packet identifier, properties length.
const PACKET_HEAD = 5 + 2 + 2 + 1;
/** Largest variable byte integer [MQTT5-1.5.5], and what comes before it. */
const LARGEST_PACKET = 268_435_455 + 5;

/**
 * Connects with the first write, also one of nothing, and stays connected. A write rejects with a Fault of kind `outage` when the connection
 * ends before every PUBACK; messages of it that have arrived are not sent again when the same objects are written again.
 * Throws a Fault FIELDLINE_SETTING when the address is none.
 */
export function publisher(options: PublisherOptions): Publisher {
  const { clientId, window = 500, answerMs = 20_000, tls = {}, clock = systemClock } = options;
  const address = brokerAddress(options.url);
  const arrived = new WeakSet<Outgoing>();
  /** Messages over which the broker ended the connection. */
  const refused = new WeakMap<Outgoing, string>();
  const waiting = new Map<number, Waiting>();
  let version: Version = 5;
  let proven = false;
  let line: Line | undefined;
  let onEnded: ((end: Pick<End, 'reason' | 'code'>) => void) | undefined;
  /** The last connection ended before any PUBACK: one message at a time shows whether one of them ends every connection. */
  let careful = false;
  let [lastId, refusals] = [0, 0];
  let since = 0;
  let shortLives = 0;
  let rest = { until: 0, after: '' };

  function away(why: string): Fault {
    const often = shortLives < SHORT_LIVES ? '' : `, ${shortLives} times in a row: has another client this client id?`;
    return new Fault('FIELDLINE_BROKER', `broker ${address.host}:${address.port}: ${why}${often}`, { kind: 'outage' });
  }

  function dialOnce(): Promise<Line> {
    return new Promise((resolve, reject) => {
      const stream = dial(address, tls, MAX_PACKET * 2, () => mine.opened());
      const mine = connection(
        stream,
        version,
        {
          clientId,
          username: options.username ?? (decodeURIComponent(address.url.username) || undefined),
          password: options.password ?? (decodeURIComponent(address.url.password) || undefined),
          keepaliveSeconds: options.keepaliveSeconds ?? 30,
          sessionExpirySeconds: 0,
          receiveMaximum: LAST_ID,
          maxPacketBytes: MAX_PACKET,
          clean: true,
        },
        {
          onConnected(_session, allowance) {
            proven = true;
            since = clock.steady();
            line = { connection: mine, allowance };
            resolve(line);
          },
          onPuback: (id, code, reason) => waiting.get(id)?.acknowledged(code, reason),
          onEnd(end) {
            if (line?.connection === mine) {
              line = undefined;
              const isShort = clock.steady() - since < SHORT_LIFE_MS && !ABOUT_MESSAGE.has(end.code ?? 0);
              shortLives = isShort ? shortLives + 1 : 0;
              if (shortLives >= SHORT_LIVES) rest = { until: clock.steady() + restOf(shortLives), after: end.reason };
            }
            reject(end);
            onEnded?.(end);
          },
          // Nothing is subscribed; a broker that sends all the same is not listened to.
          onSuback() {},
          onPublish() {},
          onOversized() {},
          onPubrel() {},
        },
      );
    });
  }

  /** One for all writes that wait for it: each would find out about the version for itself, and the last one be believed. */
  let dialing: Promise<Line> | undefined;
  async function connected(): Promise<Line> {
    if (line !== undefined) return line;
    dialing ??= connect().finally(() => {
      dialing = undefined;
    });
    return dialing;
  }

  async function connect(): Promise<Line> {
    if (clock.steady() < rest.until) throw away(rest.after);
    try {
      return await dialOnce();
    } catch (error) {
      const { at, reason } = error as End;
      const other = at === 'version' || (at === 'handshake' && !proven);
      if (!other) throw away(reason);
      version = version === 5 ? 4 : 5;
      if (version === 5) throw away(reason);
      return dialOnce().catch((end: End) => {
        if (end.at !== 'refused') version = 5;
        throw away(end.reason);
      });
    }
  }

  /** Why the broker could not take it, whatever it says. */
  function faultOf({ topic, payload }: Outgoing, { allowance }: Line): string | undefined {
    // A broker may end the connection over the latter [MQTT5-1.5.4], and with it everything else that is on its way.
    if (topic === '' || UNFIT.test(topic))
      return expected('topic', 'a topic without wildcards and control characters', topic);
    const topicBytes = Buffer.byteLength(topic);
    if (topicBytes > 0xffff) return expected('topic', 'at most 65535 bytes', topicBytes);
    const size = payload.length + topicBytes + PACKET_HEAD;
    const most = Math.min(allowance.packetBytes, LARGEST_PACKET);
    return size > most ? expected('message', `at most ${most} bytes, which the broker takes`, size) : undefined;
  }

  function nextId(): number {
    do lastId = (lastId % LAST_ID) + 1;
    while (waiting.has(lastId));
    return lastId;
  }

  /** Sends what has not arrived, in order, and answers when the last PUBACK is there. */
  function send(rows: readonly Outgoing[], to: Line): Promise<readonly Outcome[]> {
    const outcomes: Outcome[] = new Array(rows.length).fill('stored');
    const most = careful ? 1 : Math.min(window, to.allowance.open);
    return new Promise((resolve, reject) => {
      let next = 0;
      let acknowledged = 0;
      let patience: NodeJS.Timeout | undefined;
      const finish = (): void => {
        clearTimeout(patience);
        onEnded = undefined;
        waiting.clear();
      };
      const fail = (fault: Fault): void => {
        finish();
        reject(fault);
      };
      onEnded = ({ reason, code }) => {
        const [one] = waiting.values();
        if (waiting.size === 1 && ABOUT_MESSAGE.has(code ?? 0)) {
          refused.set(one!.row, reason);
          refusals++;
        }
        careful ||= waiting.size > 0 && acknowledged === 0;
        fail(away(reason));
      };
      // The next attempt starts with a new connection: this one has identifiers in use.
      const giveUp = (reason: string): void => {
        fail(away(reason));
        drop(to);
      };

      function put(row: Outgoing, at: number): void {
        const id = row.qos === 0 ? undefined : nextId();
        if (id !== undefined)
          waiting.set(id, {
            row,
            acknowledged(code, reason) {
              if (code === QUOTA) return giveUp(reasonText(code, reason));
              waiting.delete(id);
              acknowledged++;
              patience?.refresh();
              if (code >= 0x80) outcomes[at] = { rejected: `the broker refused it: ${reasonText(code, reason)}` };
              else arrived.add(row);
              pump();
            },
          });
        to.connection.send(packetOf(row, id, version));
      }
      function pump(): void {
        for (; next < rows.length && waiting.size < most; next++) {
          const row = rows[next]!;
          if (arrived.has(row)) continue;
          const fault = refused.get(row) ?? faultOf(row, to);
          if (fault === undefined) put(row, next);
          else outcomes[next] = { rejected: fault };
        }
        if (next < rows.length || waiting.size > 0) return;
        careful = false;
        finish();
        resolve(outcomes);
      }
      patience = setTimeout(() => giveUp(`no PUBACK within ${answerMs / 1000} s`), answerMs);
      pump();
    });
  }

  function drop(old: Line): void {
    if (line === old) line = undefined;
    void old.connection.close();
  }

  return {
    async write(rows) {
      for (;;) {
        const to = await connected();
        if (rows.length === 0) return [];
        const fault = settingFault(rows, to.allowance);
        if (fault !== undefined) throw away(fault);
        const before = refusals;
        try {
          return await send(rows, to);
        } catch (error) {
          // Without the one that the broker has refused, the others go on at once.
          if (refusals === before) throw error;
        }
      }
    },
    arrived: row => arrived.has(row),
    restMs: () => Math.max(0, rest.until - clock.steady()),
    async close() {
      const last = line;
      line = undefined;
      await last?.connection.close();
      onEnded?.({ reason: 'the node was closed' });
    },
  };
}

/** By chance, too: the other client may be one of ours. */
function restOf(shortLives: number): number {
  return Math.min(LONGEST_REST_MS, 100 * 2 ** Math.min(shortLives, 10)) * (0.5 + Math.random() / 2);
}

/** What only the settings can mend: not a message is sent, for the broker would end the connection [MQTT5-3.2.2-11, 14]. */
function settingFault(rows: readonly Outgoing[], { qos, retain }: Allowance): string | undefined {
  if (rows.some(row => row.qos > qos)) return `it takes no QoS 1: set QoS to ${qos}`;
  return !retain && rows.some(row => row.retain)
    ? 'it retains no messages: set "Latest value" to "not retained"'
    : undefined;
}

function packetOf({ topic, payload, qos, retain }: Outgoing, id: number | undefined, version: Version): Buffer {
  const packet: IPublishPacket = {
    cmd: 'publish',
    topic,
    payload: Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength),
    qos,
    retain,
    dup: false,
    ...(id === undefined ? {} : { messageId: id }),
  };
  try {
    return generate(packet, { protocolVersion: version });
  } catch (error) {
    throw new Fault('FIELDLINE_MESSAGE', reasonOf(error));
  }
}
