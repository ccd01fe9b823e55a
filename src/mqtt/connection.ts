// One connection of a client to a broker: handshake, subscription, keep alive, frames in, acknowledgements out.
import type { Duplex } from 'node:stream';
import type { IConnackPacket, IPublishPacket, Packet } from 'mqtt-packet';
import { reasonOf } from '../kernel/fault.ts';
import type { TopicFilter } from './audience.ts';
import {
  type ConnectOptions,
  connectPacket,
  DISCONNECT,
  PINGREQ,
  SUBSCRIBE_ID,
  subscribePacket,
  unsubscribePacket,
  type Version,
} from './client-packets.ts';
import { streamReason } from './dial.ts';
import { type Frame, framer } from './frames.ts';
import { type Oversized, oversizedOf, packetReader } from './packet-reader.ts';
import { isUnsupportedVersion, reasonText } from './reasons.ts';

/** What the broker takes from us at most; unlimited where it says nothing (3.1.1). */
export type Allowance = { open: number; packetBytes: number; qos: number; retain: boolean };

export type End = {
  /**
   * dial: the peer was not reached. handshake: closed between CONNECT and CONNACK. version: the peer does not speak this
   * one. refused: CONNACK with a reason. running: closed after CONNACK.
   */
  at: 'dial' | 'handshake' | 'version' | 'refused' | 'running';
  reason: string;
  /** Of the broker's DISCONNECT. */
  code?: number;
};

export type ConnectionHooks = {
  onConnected(sessionPresent: boolean, allowance: Allowance): void;
  /** Reason codes in the order of the filters asked for: 0 to 2 granted, 0x80 and above refused. */
  onSuback(codes: readonly number[], reason: string | undefined): void;
  onPublish(packet: IPublishPacket): void;
  onOversized(message: Oversized): void;
  onPubrel(packetId: number): void;
  /** Of a publisher: 0x80 and above refuse the message. */
  onPuback?(packetId: number, code: number, reason: string | undefined): void;
  /** Once, and nothing after it. */
  onEnd(end: End): void;
};

export type Connection = {
  /** Bytes can reach the peer. */
  opened(): void;
  subscribe(filters: readonly TopicFilter[]): void;
  unsubscribe(filters: readonly string[]): void;
  /** Leaves with everything else that is sent in this turn; dropped when the connection has ended. `onTaken`: the system has taken it. */
  send(packet: Uint8Array, onTaken?: () => void): void;
  /** While off, no frame is taken; when too much has come all the same, the socket is paused and the peer must wait. */
  read(on: boolean): void;
  /** Sends what is due and DISCONNECT; resolves when the stream is closed. */
  close(): Promise<void>;
};

const HANDSHAKE_MS = 10_000;
// Bytes read beyond the window before the socket is paused: a paused one shows neither the end of the peer nor its PINGRESP.
const MAX_HELD_BYTES = 256 << 10;
const UNANSWERED = ' without an answer: is it a broker, and does it want TLS (mqtts://)?';

/** Speaks over `stream` once it is `opened`; what ends it is told by `onEnd`. */
export function connection(
  stream: Duplex,
  version: Version,
  options: ConnectOptions,
  hooks: ConnectionHooks,
): Connection {
  const frames = framer(options.maxPacketBytes);
  const packetOf = packetReader(version);
  let stage: 'dial' | 'handshake' | 'running' = 'dial';
  let ended = false;
  let reading = true;
  let resting = false;
  let out: Uint8Array[] = [];
  let onOutTaken: (() => void)[] = [];
  let keepalive: NodeJS.Timeout | undefined;
  let heard = true;
  let subscribing = 0;
  const deadline = setTimeout(() => end('handshake', `no answer within ${HANDSHAKE_MS / 1000} s`), HANDSHAKE_MS);

  function end(at: End['at'], reason: string, code?: number): void {
    if (ended) return;
    ended = true;
    clearTimeout(deadline);
    clearInterval(keepalive);
    stream.destroy();
    hooks.onEnd({ at, reason, code });
  }
  const broken = (reason: string, code?: number): void => end(stage, reason, code);

  function send(packet: Uint8Array, onTaken?: () => void): void {
    if (ended) return;
    if (onTaken !== undefined) onOutTaken.push(onTaken);
    if (out.push(packet) === 1) queueMicrotask(flush);
  }
  function flush(): void {
    const taken = onOutTaken;
    if (out.length > 0 && !ended)
      stream.write(out.length === 1 ? out[0] : Buffer.concat(out), error => {
        if (!error) for (const tell of taken) tell();
      });
    out = [];
    onOutTaken = [];
  }

  function onConnack(packet: IConnackPacket): void {
    if (stage !== 'handshake') throw new Error('CONNACK came twice');
    const code = packet.reasonCode ?? packet.returnCode ?? 0;
    if (code !== 0) {
      const reason = reasonText(code, wordsOf(packet.properties));
      end(version === 5 && isUnsupportedVersion(code) ? 'version' : 'refused', reason);
      return;
    }
    const { receiveMaximum, maximumPacketSize, maximumQoS, retainAvailable } = packet.properties ?? {};
    // [MQTT5-3.2.2.3.3, 3.2.2.3.6]: else no message would ever fit.
    if (receiveMaximum === 0 || maximumPacketSize === 0) throw new Error('a CONNACK that allows nothing');
    stage = 'running';
    clearTimeout(deadline);
    // The server may set another interval [MQTT5-3.2.2-21].
    const seconds = packet.properties?.serverKeepAlive ?? options.keepaliveSeconds;
    if (seconds > 0) keepalive = setInterval(beat, seconds * 500);
    hooks.onConnected(packet.sessionPresent, {
      open: receiveMaximum ?? 0xffff,
      packetBytes: maximumPacketSize ?? Infinity,
      qos: maximumQoS ?? 2,
      retain: retainAvailable ?? true,
    });
  }

  /** Twice in each keep alive interval, whatever else goes on: the peer must never think that we are gone. */
  function beat(): void {
    // The silence of a peer that we do not listen to proves nothing.
    if (!resting && !heard) {
      broken('no answer to PINGREQ');
      return;
    }
    heard = resting;
    send(PINGREQ);
  }

  /** Throws an Error on what a broker must not send. */
  function take(packet: Packet): void {
    if (packet.cmd === 'connack') {
      onConnack(packet);
      return;
    }
    if (stage !== 'running') throw new Error(`${packet.cmd} came before CONNACK`);
    switch (packet.cmd) {
      case 'publish':
        if (packet.qos > 0 && !((packet.messageId ?? 0) > 0)) throw new Error('a message without packet identifier');
        if (packet.topic === '' || /[+#\0]/.test(packet.topic)) throw new Error('a message whose topic is not valid');
        hooks.onPublish(packet);
        break;
      case 'pubrel':
        hooks.onPubrel(packet.messageId ?? 0);
        break;
      case 'puback':
        if (hooks.onPuback === undefined) throw new Error('puback, although nothing was published');
        hooks.onPuback(packet.messageId ?? 0, packet.reasonCode ?? 0, packet.properties?.reasonString);
        break;
      case 'suback':
        if (packet.messageId !== SUBSCRIBE_ID || packet.granted.length !== subscribing)
          throw new Error('a SUBACK that answers no SUBSCRIBE');
        subscribing = 0;
        hooks.onSuback(packet.granted as number[], packet.properties?.reasonString);
        break;
      case 'disconnect':
        broken(
          `the broker ended it: ${reasonText(packet.reasonCode ?? 0, wordsOf(packet.properties))}`,
          packet.reasonCode,
        );
        break;
      case 'pingresp':
      case 'unsuback':
        break;
      default:
        throw new Error(`${packet.cmd}, which only a client may send`);
    }
  }

  function takeFrame(frame: Frame): void {
    if (!frame.tooLarge) take(packetOf(frame));
    else if (stage === 'running') hooks.onOversized(oversizedOf(frame));
    else throw new Error('publish came before CONNACK');
  }

  function pump(): void {
    try {
      while (reading && !ended) {
        const frame = frames.next();
        if (frame === undefined) return;
        takeFrame(frame);
      }
    } catch (error) {
      broken(`not MQTT: ${reasonOf(error)}`);
    }
  }

  stream.on('data', (chunk: Buffer) => {
    heard = true;
    frames.push(chunk);
    pump();
    if (reading || frames.held < MAX_HELD_BYTES) return;
    resting = true;
    stream.pause();
  });
  stream.on('error', error => broken(streamReason(error)));
  stream.on('end', () => broken(`the peer closed the connection${stage === 'handshake' ? UNANSWERED : ''}`));
  stream.on('close', () => broken('the connection is closed'));

  return {
    opened() {
      if (stage === 'dial') stage = 'handshake';
      send(connectPacket(options, version));
    },
    subscribe(filters) {
      subscribing = filters.length;
      send(subscribePacket(filters, version));
    },
    unsubscribe(filters) {
      if (filters.length > 0) send(unsubscribePacket(filters, version));
    },
    send,
    read(on) {
      if (on === reading || ended) return;
      reading = on;
      if (!on) return;
      if (resting) {
        resting = false;
        heard = true;
        stream.resume();
      }
      pump();
    },
    close() {
      if (stage === 'running') out.push(DISCONNECT);
      flush();
      ended = true;
      clearTimeout(deadline);
      clearInterval(keepalive);
      return new Promise(resolve => {
        if (stream.closed) return resolve();
        const patience = setTimeout(() => stream.destroy(), 1000);
        stream.once('close', () => {
          clearTimeout(patience);
          resolve();
        });
        if (stage !== 'running') {
          stream.destroy();
          return;
        }
        // What still comes is read and thrown away: to close with unread bytes would reset the connection, and our last ones were lost.
        stream.removeAllListeners('data').resume();
        stream.end();
      });
    },
  };
}

/** What a broker says beside its code: why, and which other one is meant [MQTT5-3.2.2-26]. */
function wordsOf(said: { reasonString?: string; serverReference?: string } = {}): string {
  return [said.reasonString, said.serverReference].filter(text => text !== undefined).join(', ');
}
