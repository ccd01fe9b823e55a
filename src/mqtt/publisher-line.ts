// The publisher's line to its broker: one connection at a time, MQTT 5 first, with a rest where connections keep ending soon.
import { type Clock, systemClock } from '../kernel/clock.ts';
import { Fault } from '../kernel/fault.ts';
import type { ConnectOptions, Version } from './client-packets.ts';
import type { Allowance } from './connack.ts';
import { type Connection, connection, type End } from './connection.ts';
import { brokerAddress, credentialsFor, dial } from './dial.ts';
import type { Endpoint } from './stock-broker.ts';

export type LineOptions = Endpoint & Pick<ConnectOptions, 'handshakeMs'> & { clientId: string; clock?: Clock };
export type LineHooks = {
  onPuback(id: number, code: number, reason: string | undefined): void;
  onEnded(end: End): void;
};

/** A connection that stands. */
export type Line = { connection: Connection; allowance: Allowance; version: Version };

export type Lines = {
  /** The line, made where there is none. Rejects with a Fault of kind outage. */
  connected(): Promise<Line>;
  /** Closes it; the next write makes a new one. */
  drop(line: Line): void;
  /** The broker is of no use now, for this reason. */
  away(why: string): Fault;
  /** How long to leave the broker alone: two clients of one id would end each other's connections for ever. */
  restMs(): number;
  close(): Promise<void>;
};

/** A connection that ends sooner is a short life; from the third in a row on, the next begins later and later. */
const SHORT_LIFE_MS = 10_000;
const SHORT_LIVES = 3;
const LONGEST_REST_MS = 5000;

const MAX_PACKET = 1 << 20;
/** Reasons of DISCONNECT (MQTT 5 §3.14.2.1) that speak of a message: malformed, protocol, not authorized, topic, size, format. */
const ABOUT_MESSAGE = new Set([0x81, 0x82, 0x87, 0x90, 0x95, 0x99]);
export const isAboutMessage = ({ code = 0 }: Pick<End, 'code'>): boolean => ABOUT_MESSAGE.has(code);

/** Throws a Fault FIELDLINE_SETTING when the address is none. */
export function publisherLines(options: LineOptions, hooks: LineHooks): Lines {
  const { clientId, tls = {}, keepaliveSeconds = 30, handshakeMs, clock = systemClock } = options;
  const address = brokerAddress(options.url);
  let version: Version = 5;
  // A CONNACK has confirmed the version; before that, hanging up may mean that the broker does not speak it.
  let proven = false;
  let line: Line | undefined;
  let since = 0;
  let shortLives = 0;
  let restUntil = 0;

  const unreached = (why: string): Fault =>
    new Fault('FIELDLINE_BROKER', `broker ${address.host}:${address.port}: ${why}`, { kind: 'outage' });

  function away(why: string): Fault {
    const often = shortLives < SHORT_LIVES ? '' : `, ${shortLives} times in a row: has another client this client id?`;
    return unreached(`${why}${often}`);
  }

  /** One attempt. Rejects with the End of the connection. */
  function dialOnce(): Promise<Line> {
    return new Promise((resolve, reject) => {
      const stream = dial(address, tls, MAX_PACKET * 2, () => mine.opened());
      const spoken = version;
      const mine = connection(
        stream,
        spoken,
        {
          clientId,
          ...credentialsFor(address, options),
          keepaliveSeconds,
          sessionExpirySeconds: 0,
          receiveMaximum: 0xffff,
          maxPacketBytes: MAX_PACKET,
          clean: true,
          handshakeMs,
        },
        {
          onConnected(_session, allowance) {
            proven = true;
            since = clock.steady();
            line = { connection: mine, allowance, version: spoken };
            resolve(line);
          },
          onPuback: hooks.onPuback,
          onEnd(end) {
            if (line?.connection === mine) {
              line = undefined;
              const isShort = clock.steady() - since < SHORT_LIFE_MS && !isAboutMessage(end);
              shortLives = isShort ? shortLives + 1 : 0;
              if (shortLives >= SHORT_LIVES) restUntil = clock.steady() + restOf(shortLives);
            }
            reject(end);
            hooks.onEnded(end);
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

  async function connect(): Promise<Line> {
    try {
      return await dialOnce();
    } catch (error) {
      const { at, reason } = error as End;
      const other = at === 'version' || (at === 'handshake' && !proven);
      if (!other) throw unreached(reason);
      version = version === 5 ? 4 : 5;
      if (version === 5) throw unreached(reason);
      return dialOnce().catch((end: End) => {
        if (end.at !== 'refused') version = 5;
        throw unreached(end.reason);
      });
    }
  }

  /** Shared by all writes that wait for it: else each would find out the version for itself, and the last one would be believed. */
  let dialing: Promise<Line> | undefined;
  return {
    async connected() {
      if (line !== undefined) return line;
      dialing ??= connect().finally(() => {
        dialing = undefined;
      });
      return dialing;
    },
    drop(old) {
      if (line === old) line = undefined;
      void old.connection.close();
    },
    away,
    restMs: () => Math.max(0, restUntil - clock.steady()),
    async close() {
      const last = line;
      line = undefined;
      await last?.connection.close();
    },
  };
}

/** Spread by chance: the other client may be one of ours, and must not come back at the same moment each time. */
function restOf(shortLives: number): number {
  return Math.min(LONGEST_REST_MS, 100 * 2 ** Math.min(shortLives, 10)) * (0.5 + Math.random() / 2);
}
