// A TCP connection made within its time, or given up for good.
import { connect as openSocket, type Socket } from 'node:net';
import { reasonOf } from '../kernel/fault.ts';
import { ModbusFault } from './fault.ts';

export type Peer = { host: string; port: number; connectTimeoutMs: number };

/** The socket, connected. The library's own connect leaves a socket connecting after its timeout; this one destroys it. */
export function dial({ host, port, connectTimeoutMs }: Peer, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = openSocket({ host, port });
    const giveUp = (reason: string) => {
      over();
      socket.on('error', () => {});
      socket.destroy();
      reject(new ModbusFault('link', `${host}:${port}: ${reason}`));
    };
    const onAbort = () => giveUp('closed while connecting');
    const onError = (error: Error) => giveUp(reasonOf(error));
    const patience = setTimeout(() => giveUp(`no connection within ${connectTimeoutMs} ms`), connectTimeoutMs);
    const over = () => {
      clearTimeout(patience);
      signal.removeEventListener('abort', onAbort);
      socket.removeListener('error', onError);
    };
    signal.addEventListener('abort', onAbort);
    socket.once('error', onError);
    socket.once('connect', () => {
      over();
      socket.setNoDelay(true);
      socket.setKeepAlive(true, 30_000);
      resolve(socket);
    });
    if (signal.aborted) onAbort();
  });
}
