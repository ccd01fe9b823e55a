// A publisher and the broker that it publishes to, for its tests: one that speaks real MQTT, with habits of its own.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { generate, type IConnackPacket, type IPublishPacket, type Packet, parser } from 'mqtt-packet';
import type { Outgoing } from './outgoing-packet.ts';
import { type Publisher, type PublisherOptions, publisher } from './publisher.ts';

export type Habits = {
  connack?: (version: number, connection: number) => Partial<IConnackPacket> | Uint8Array | 'hang up' | undefined;
  /** Reason code of a PUBACK; undefined: none is sent; 'cut': the connection ends; or with the code of a DISCONNECT. */
  puback?: (packet: IPublishPacket) => number | 'cut' | { ends: number } | undefined;
};
export const out = (n: number, more: Partial<Outgoing> = {}): Outgoing => ({
  ...{ topic: `t/${n}`, payload: Buffer.from(`message ${n}`), qos: 1, retain: false },
  ...more,
});

/** To be called in a `describe`: each of its tests has a broker of its own, which ends with it. */
export function publisherPlace() {
  let server: Server;
  let held = 0;
  let sink: Publisher | undefined;
  const place = {
    /** Connections, what was published, the versions asked for, and how many messages were without PUBACK at most. */
    ...{ sockets: new Set<Socket>(), published: [] as IPublishPacket[], versions: [] as number[], mostHeld: 0 },
    sent: () => place.published.map(({ topic, payload }) => `${topic} ${payload}`),
    open,
    /** From now on nobody listens. */
    async stop() {
      for (const socket of place.sockets) socket.destroy();
      if (!server.listening) return;
      server.close();
      await once(server, 'close');
    },
  };

  async function open(habits: Habits = {}, options: Partial<PublisherOptions> = {}): Promise<Publisher> {
    held = 0;
    Object.assign(place, { sockets: new Set(), published: [], versions: [], mostHeld: 0 });
    server = createServer(socket => {
      place.sockets.add(socket);
      let version = 4;
      let parse = parser();
      const send = (packet: Packet) => socket.write(generate(packet, { protocolVersion: version }));
      const take = (packet: Packet): void => {
        if (packet.cmd === 'connect') {
          version = packet.protocolVersion ?? 4;
          place.versions.push(version);
          const answer = habits.connack?.(version, place.versions.length);
          if (answer === 'hang up') return void socket.destroy();
          parse = parser({ protocolVersion: version });
          parse.on('packet', take);
          if (answer instanceof Uint8Array) return void socket.write(answer);
          send({ cmd: 'connack', sessionPresent: false, returnCode: 0, reasonCode: 0, ...answer });
        } else if (packet.cmd === 'publish') {
          place.published.push(packet);
          if (packet.qos === 0) return;
          const code = habits.puback === undefined ? 0 : habits.puback(packet);
          if (code === 'cut') return void socket.destroy();
          if (code === undefined) return;
          if (typeof code === 'object') {
            send({ cmd: 'disconnect', reasonCode: code.ends });
            // What came behind it is lost, and so may be the word about it.
            return void (held > 0 || place.published.at(-1) !== packet ? socket.destroy() : socket.end());
          }
          place.mostHeld = Math.max(place.mostHeld, ++held);
          setImmediate(() => {
            held--;
            send({ cmd: 'puback', messageId: packet.messageId!, reasonCode: code });
          });
        }
      };
      parse.on('packet', take);
      socket.on('data', bytes => parse.parse(bytes));
      socket.on('error', () => {});
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    sink = publisher({ url: `mqtt://127.0.0.1:${port}`, clientId: 'c', ...options });
    return sink;
  }
  afterEach(async () => {
    await sink?.close();
    sink = undefined;
    await place.stop();
  });
  return place;
}
