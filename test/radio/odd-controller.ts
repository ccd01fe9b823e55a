// Stands between a host and the emulated controller and makes of it one that behaves in another way.
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { h4Reader } from '../../src/radio/h4.ts';

export type Oddity = {
  /** What the host gets for a packet of the controller; the packet itself where it is left out. */
  toHost?(packet: Buffer, send: (packet: Buffer) => void): void;
  /** What the controller gets for a packet of the host; `answer` goes back to the host. */
  toController?(packet: Buffer, send: (packet: Buffer) => void, answer: (packet: Buffer) => void): void;
  /** How bytes are written to the host; whole packets where it is left out. */
  write?(socket: Socket, packet: Buffer): void;
};

/** A new oddity for each connection of a host. */
export async function oddController(
  port: number,
  oddity: () => Oddity,
): Promise<{ port: number; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer(host => {
    const { toHost, toController, write = (socket, packet) => socket.write(packet) } = oddity();
    const controller = connect({ port, host: '127.0.0.1', noDelay: true });
    host.setNoDelay(true);
    const answer = (packet: Buffer): void => {
      if (host.writable) write(host, packet);
    };
    const forward = (packet: Buffer): void => void controller.write(packet);
    const fromController = h4Reader(packet => (toHost === undefined ? answer(packet) : toHost(packet, answer)));
    const fromHost = h4Reader(packet =>
      toController === undefined ? forward(packet) : toController(packet, forward, answer),
    );
    controller.on('data', bytes => void fromController(bytes));
    host.on('data', bytes => void fromHost(bytes));
    for (const [one, other] of [
      [host, controller],
      [controller, host],
    ] as const) {
      sockets.add(one);
      one.on('error', () => {});
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
    }
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
