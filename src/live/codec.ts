// What a live protocol over WebSocket is to the sockets: a codec opens one session for each client. A new protocol is one more file that makes such a codec.
import type { IncomingHttpHeaders } from 'node:http';
import type { Refused } from '../kernel/token.ts';
import type { Principal } from '../reading/principal.ts';
import type { Hub } from './hub.ts';

/** WebSocket close code (3000 to 4999) and its reason. */
export type Close = { readonly code: number; readonly reason: string };

/** The client's end of the line, as a codec sees it. */
export type Wire = {
  /** A text frame. What is sent in one go leaves in one write. */
  send(frame: string | Buffer): void;
  sendBytes(frame: Buffer): void;
  close(close: Close): void;
  /** Bytes that the client has not taken yet. */
  readonly backlog: number;
  /** Fields of the URL. */
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** Does a piece of work now, or when it is this client's turn; nothing more is read from the client until then. */
  turn(work: () => void): void;
  /** Who presents this token ('' for none) with the request that opened the line. */
  identify(token: string): Principal | Refused;
};

export type Session = {
  /** One frame from the client, a text or bytes; whatever it holds, this does not throw. */
  receive(frame: string | Buffer): void;
  /** Called a few times a second: pings and time limits. */
  tick(): void;
  /** Sends the client away so that it comes back by itself: we are being deployed or stopped. */
  shutdown(): void;
  /** The line is down; nothing is sent any more. */
  closed(): void;
};

export type Codec = (hub: Hub, wire: Wire) => Session;
