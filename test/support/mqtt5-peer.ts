// A scripted MQTT 5 peer: real bytes over real sockets, one durable session, and every bad habit a test asks for.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { type IConnackPacket, type IConnectPacket, generate, type Packet, parser } from 'mqtt-packet';
import { watching } from './watching.ts';

type Message = { topic: string; payload: Buffer; qos: 0 | 1 | 2; id: number; sent: boolean; released: boolean };

export type Mqtt5Peer = {
  readonly url: string;
  readonly port: number;
  /** Queues a message for the session, and sends it when the client is there. */
  publish(topic: string, payload: string | Buffer, qos: 0 | 1 | 2): void;
  /** Cuts every connection without a word. */
  cut(): void;
  /** Writes bytes to the client as they are. */
  write(bytes: Uint8Array): void;
  /** Forgets the session, as a broker does that lost its disk. */
  forget(): void;
  /** Packets of the client, in order, CONNECT included. */
  readonly heard: Packet[];
  /** Identifiers of PUBACK and PUBREC, in order of arrival. */
  acked(): number[];
  /** Resolves when the condition holds; looked at after every packet. */
  until(holds: () => boolean): Promise<void>;
  readonly connections: number;
  close(): Promise<void>;
};

export type Mqtt5Habits = {
  /** Sends more than the receive maximum, as Mosquitto 2.0.11 does. */
  overshoots?: boolean;
  /** Answers CONNECT: another CONNACK, raw bytes, or 'hang up'. Called with the number of the connection, from 1. */
  connack?(connect: IConnectPacket, connection: number): Partial<IConnackPacket> | Uint8Array | 'hang up' | undefined;
  /** Codes of SUBACK instead of the ones asked for. */
  suback?: (filters: readonly string[]) => number[];
  /** Answers no PINGREQ. */
  deaf?: boolean;
};

export async function mqtt5Peer(habits: Mqtt5Habits = {}): Promise<Mqtt5Peer> {
  const heard: Packet[] = [];
  const { changed, until } = watching();
  const sockets = new Set<Socket>();
  let queue: Message[] = [];
  let session = false;
  let nextId = 0;
  let connections = 0;
  let live: { socket: Socket; maximum: number; version: 4 | 5 } | undefined;

  const put = (socket: Socket, packet: Packet, version: 4 | 5): boolean =>
    socket.write(generate(packet, { protocolVersion: version }));

  function pump(): void {
    if (live === undefined) return;
    for (const message of queue) {
      const open = queue.filter(({ sent, qos }) => sent && qos > 0).length;
      if (message.sent || (message.qos > 0 && open >= live.maximum && !habits.overshoots)) continue;
      message.sent = true;
      send(message, false);
      if (message.qos === 0) queue = queue.filter(other => other !== message);
    }
  }
  function send({ topic, payload, qos, id }: Message, dup: boolean): void {
    if (live)
      put(live.socket, { cmd: 'publish', topic, payload, qos, dup, retain: false, messageId: id }, live.version);
  }

  function onConnect(socket: Socket, packet: IConnectPacket, version: 4 | 5): void {
    const answer = habits.connack?.(packet, connections);
    if (answer === 'hang up') {
      socket.destroy();
      return;
    }
    if (answer instanceof Uint8Array) {
      socket.end(answer);
      return;
    }
    put(socket, { cmd: 'connack', reasonCode: 0, returnCode: 0, sessionPresent: session, ...answer }, version);
    if ((answer?.reasonCode ?? 0) !== 0) {
      socket.end();
      return;
    }
    session = true;
    live = { socket, maximum: packet.properties?.receiveMaximum ?? 65535, version };
    for (const message of queue.filter(({ sent }) => sent))
      if (message.released) put(socket, { cmd: 'pubrel', messageId: message.id }, version);
      else send(message, true);
    pump();
  }

  const server = createServer(socket => {
    const connection = ++connections;
    let version: 4 | 5 = 5;
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => {
      sockets.delete(socket);
      if (live?.socket === socket) live = undefined;
    });
    const parse = parser();
    socket.on('data', chunk => parse.parse(chunk));
    parse.on('packet', packet => {
      heard.push(packet);
      const finish = (id: number | undefined): void => {
        queue = queue.filter(message => message.id !== id);
        pump();
      };
      switch (packet.cmd) {
        case 'connect':
          version = packet.protocolVersion === 5 ? 5 : 4;
          if (connection === connections) onConnect(socket, packet, version);
          break;
        case 'subscribe': {
          const granted =
            habits.suback?.(packet.subscriptions.map(({ topic }) => topic)) ??
            packet.subscriptions.map(({ qos }) => qos);
          put(socket, { cmd: 'suback', messageId: packet.messageId ?? 0, granted }, version);
          break;
        }
        case 'puback':
        case 'pubcomp':
          finish(packet.messageId);
          break;
        case 'pubrec':
          for (const message of queue) if (message.id === packet.messageId) message.released = true;
          put(socket, { cmd: 'pubrel', messageId: packet.messageId ?? 0 }, version);
          break;
        case 'pingreq':
          if (!habits.deaf) put(socket, { cmd: 'pingresp' }, version);
          break;
        case 'disconnect':
          socket.end();
          break;
      }
      changed();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  return {
    url: `mqtt://127.0.0.1:${port}`,
    port,
    publish(topic, payload, qos) {
      if (qos > 0) nextId = (nextId % 65535) + 1;
      const id = qos > 0 ? nextId : 0;
      queue.push({ topic, payload: Buffer.from(payload), qos, id, sent: false, released: false });
      pump();
    },
    cut() {
      for (const socket of sockets) socket.destroy();
    },
    write(bytes) {
      live?.socket.write(bytes);
    },
    forget() {
      session = false;
      queue = [];
    },
    heard,
    acked: () =>
      heard.flatMap(packet => (packet.cmd === 'puback' || packet.cmd === 'pubrec' ? [packet.messageId ?? 0] : [])),
    until,
    get connections() {
      return connections;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
