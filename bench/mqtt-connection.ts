// One MQTT 3.1.1 publisher connection: a window of QoS 1 packets that survives every end of the broker.
import { createConnection, type Socket } from 'node:net';
import mqttPacket from 'mqtt-packet';

export type Connection = {
  /** Resolves when the broker has accepted it for the first time. */
  readonly opened: Promise<void>;
  /** Packets that may still be published before the window is full. */
  readonly room: number;
  readonly unacknowledged: number;
  /** Connections made after the first. */
  readonly reconnects: number;
  /** Takes responsibility: sent now or after a reconnect, and again with DUP until it is acknowledged. Only while there is room. */
  publish(topic: string, payload: Buffer, onAcknowledged: () => void): void;
  /** Ends the connection; what is not acknowledged is forgotten. */
  close(): void;
};

type Packet = { topic: string; payload: Buffer; sent: boolean; onAcknowledged: () => void };

const RETRY_MS = 100;
const LAST_ID = 65_535;

/** `mqtt://host:port`. The session is kept by the broker, so that packet ids mean the same after a reconnect [MQTT-4.4.0-1]. */
export function openConnection(options: { url: string; clientId: string; window: number }): Connection {
  const { hostname, port } = new URL(options.url);
  const packets = new Map<number, Packet>();
  let lastId = 0;
  let socket: Socket | undefined;
  let accepted = false;
  let connects = 0;
  let closed = false;
  const opened = Promise.withResolvers<void>();

  function send(id: number, packet: Packet): void {
    const { topic, payload, sent: dup } = packet;
    packet.sent = true;
    // What is published in one turn leaves in one write: the publisher shares its machine with what it measures.
    mqttPacket.writeToStream({ cmd: 'publish', topic, payload, qos: 1, messageId: id, dup, retain: false }, socket!);
  }

  function connect(): void {
    if (closed) return;
    const parser = mqttPacket.parser();
    const current = createConnection({ host: hostname, port: Number(port || 1883), noDelay: true });
    socket = current;
    parser.on('packet', packet => {
      if (packet.cmd === 'connack' && packet.returnCode === 0) {
        accepted = true;
        connects++;
        opened.resolve();
        current.cork();
        for (const [id, waiting] of packets) send(id, waiting);
        current.uncork();
      } else if (packet.cmd === 'puback') {
        const waiting = packets.get(packet.messageId!);
        packets.delete(packet.messageId!);
        waiting?.onAcknowledged();
      }
    });
    parser.on('error', () => current.destroy());
    current.on('connect', () => {
      const { clientId } = options;
      current.write(
        mqttPacket.generate({
          cmd: 'connect',
          protocolId: 'MQTT',
          protocolVersion: 4,
          clientId,
          clean: false,
          keepalive: 0,
        }),
      );
    });
    current.on('data', bytes => parser.parse(bytes));
    // Every end, a refused connection too, is followed by 'close'.
    current.on('error', () => undefined);
    current.on('close', () => {
      accepted = false;
      setTimeout(connect, RETRY_MS);
    });
  }
  connect();

  return {
    opened: opened.promise,
    get room() {
      return options.window - packets.size;
    },
    get unacknowledged() {
      return packets.size;
    },
    get reconnects() {
      return Math.max(0, connects - 1);
    },
    publish(topic, payload, onAcknowledged) {
      do lastId = lastId === LAST_ID ? 1 : lastId + 1;
      while (packets.has(lastId));
      const packet = { topic, payload, sent: false, onAcknowledged };
      packets.set(lastId, packet);
      if (accepted) send(lastId, packet);
    },
    close() {
      closed = true;
      socket?.destroy();
    },
  };
}
