// The package socket.io, where it is installed: an optional peer of the palette.
import type { SocketIo } from '../../src/live/socket-io-package.ts';

/** Undefined where it is not there. */
export const socketIo = await load();

async function load(): Promise<SocketIo | undefined> {
  // Named so that the compiler does not ask for it.
  const name: string = 'socket.io';
  try {
    return (await import(name)) as SocketIo;
  } catch {
    return undefined;
  }
}
