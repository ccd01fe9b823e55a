// One connection of a client to a broker: handshake, subscription, keep alive, frames in, acknowledgements out.
import type { Duplex } from 'node:stream';
import type { IConnackPacket, Packet } from 'mqtt-packet';
import { reasonOf } from '../kernel/fault.ts';
import type { TopicFilter } from './audience.ts';
import {
  type ConnectOptions,
  connectPacket,
  DISCONNECT,
  PINGREQ,
  subscribePacket,
  unsubscribePacket,
  type Version,
} from './client-packets.ts';
import { type Allowance, readConnack } from './connack.ts';
import { NO_TLS, streamReason } from './dial.ts';
import { type Frame, framer } from './frames.ts';
import { keepAlive } from './keep-alive.ts';
import { type Oversized, oversizedOf, packetReader } from './packet-reader.ts';
import { type PacketHooks, receiver } from './received.ts';
import { turnWriter } from './turn-writer.ts';

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

export type ConnectionHooks = PacketHooks & {
  onConnected(sessionPresent: boolean, allowance: Allowance): void;
  onOversized(message: Oversized): void;
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
  const writer = turnWriter(stream);
  const alive = keepAlive(
    () => writer.send(PINGREQ),
    () => broken('no answer to PINGREQ'),
  );
  let stage: 'dial' | 'handshake' | 'running' = 'dial';
  let ended = false;
  let reading = true;
  let resting = false;
  const { handshakeMs = HANDSHAKE_MS } = options;
  const deadline = setTimeout(() => {
    const seconds = handshakeMs / 1000;
    broken(stage === 'dial' ? `not reached within ${seconds} s; ${NO_TLS}` : `no answer within ${seconds} s`);
  }, handshakeMs);

  function leave(): void {
    ended = true;
    writer.stop();
    alive.stop();
    clearTimeout(deadline);
  }
  function end(at: End['at'], reason: string, code?: number): void {
    if (ended) return;
    leave();
    stream.destroy();
    hooks.onEnd({ at, reason, code });
  }
  const broken = (reason: string, code?: number): void => end(stage, reason, code);
  const received = receiver(hooks, broken);

  function onConnack(packet: IConnackPacket): void {
    if (stage !== 'handshake') throw new Error('CONNACK came twice');
    const answer = readConnack(packet, version);
    if ('refused' in answer) {
      end(answer.refused, answer.reason);
      return;
    }
    stage = 'running';
    clearTimeout(deadline);
    alive.start(answer.keepAliveSeconds ?? options.keepaliveSeconds);
    hooks.onConnected(packet.sessionPresent, answer.allowance);
  }

  /** Throws an Error on what a broker must not send. */
  function take(packet: Packet): void {
    if (packet.cmd === 'connack') onConnack(packet);
    else if (stage === 'running') received.take(packet);
    else throw new Error(`${packet.cmd} came before CONNACK`);
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
    alive.heard();
    frames.push(chunk);
    pump();
    if (reading || frames.held < MAX_HELD_BYTES) return;
    resting = true;
    alive.deaf();
    stream.pause();
  });
  stream.on('error', error => broken(streamReason(error)));
  stream.on('end', () => broken(`the peer closed the connection${stage === 'handshake' ? UNANSWERED : ''}`));
  stream.on('close', () => broken('the connection is closed'));

  return {
    opened() {
      if (stage === 'dial') stage = 'handshake';
      writer.send(connectPacket(options, version));
    },
    subscribe(filters) {
      received.subscribing(filters.length);
      writer.send(subscribePacket(filters, version));
    },
    unsubscribe(filters) {
      if (filters.length > 0) writer.send(unsubscribePacket(filters, version));
    },
    send: writer.send,
    read(on) {
      if (on === reading || ended) return;
      reading = on;
      if (!on) return;
      if (resting) {
        resting = false;
        alive.heard();
        stream.resume();
      }
      pump();
    },
    close() {
      const isPolite = stage === 'running';
      if (isPolite) writer.send(DISCONNECT);
      writer.flush();
      leave();
      return closed(stream, isPolite);
    },
  };
}

/** `isPolite`: what was written reaches the peer first, where it takes it within a second. */
function closed(stream: Duplex, isPolite: boolean): Promise<void> {
  return new Promise(resolve => {
    if (stream.closed) return resolve();
    const patience = setTimeout(() => stream.destroy(), 1000);
    stream.once('close', () => {
      clearTimeout(patience);
      resolve();
    });
    if (!isPolite) {
      stream.destroy();
      return;
    }
    // What still comes is read and thrown away: to close with unread bytes would reset the connection, and our last ones were lost.
    stream.removeAllListeners('data').resume();
    stream.end();
  });
}
