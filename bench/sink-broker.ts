// A broker that takes whatever is published, acknowledges it and forgets it: the other end of a scanner or a link.
import net, { type AddressInfo } from 'node:net';
import mqttPacket from 'mqtt-packet';

export type SinkBroker = { url: string; readonly published: number; close(): Promise<void> };

/** `onPublish` is told of each message before it is acknowledged. */
export async function openBroker(
  options: { port?: number; onPublish?: (topic: string, payload: Buffer) => void } = {},
): Promise<SinkBroker> {
  const { port = 0, onPublish } = options;
  let published = 0;
  const sockets = new Set<net.Socket>();
  const server = net.createServer(socket => {
    sockets.add(socket);
    let protocolVersion: number | undefined = 4;
    const say = (packet: object): unknown =>
      socket.write(mqttPacket.generate(packet as mqttPacket.Packet, { protocolVersion: protocolVersion as 4 }));
    const parser = mqttPacket.parser();
    parser.on('packet', packet => {
      if (packet.cmd === 'connect') {
        protocolVersion = packet.protocolVersion;
        say({ cmd: 'connack', returnCode: 0, reasonCode: 0, sessionPresent: false });
      } else if (packet.cmd === 'publish') {
        published++;
        onPublish?.(packet.topic, packet.payload as Buffer);
        if (packet.qos === 1) say({ cmd: 'puback', messageId: packet.messageId, reasonCode: 0 });
      } else if (packet.cmd === 'subscribe') say({ cmd: 'suback', messageId: packet.messageId, granted: [1] });
      else if (packet.cmd === 'pingreq') say({ cmd: 'pingresp' });
    });
    socket.on('data', bytes => parser.parse(bytes));
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve));
  return {
    url: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get published() {
      return published;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise(resolve => server.close(resolve));
    },
  };
}
