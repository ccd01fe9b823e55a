// The package socket.io as it is used here; a palette that does without it compiles and runs all the same.
import type { IncomingMessage, Server } from 'node:http';

export type SocketIo = { Server: new (server: Server, options: object) => IoServer };
export type IoServer = {
  /** Of engine.io: the lines below, with or without a socket on them. */
  engine: {
    on(event: 'connection', listener: (line: { once(event: 'close', listener: () => void): void }) => void): void;
  };
  use(middleware: (socket: IoSocket, next: (error?: Error) => void) => void): void;
  on(event: 'connection', listener: (socket: IoSocket) => void): void;
  to(room: string): { emit(event: string, ...values: unknown[]): void };
  close(): Promise<void>;
};
export type IoSocket = {
  id: string;
  handshake: { auth: Readonly<Record<string, unknown>>; query: Readonly<Record<string, unknown>> };
  request: IncomingMessage;
  /** Of engine.io: the line below; closing it makes the client come back by itself, with true without what waits for it, which else is waited for. */
  conn: { writeBuffer: readonly { data?: unknown }[]; close(discard?: true): void };
  join(room: string): void;
  leave(room: string): void;
  on(event: string, listener: (...values: unknown[]) => void): void;
  use(middleware: (packet: unknown[], next: (error?: Error) => void) => void): void;
  /** With true the line is closed too; the client does not come back by itself. */
  disconnect(close: true): void;
};
