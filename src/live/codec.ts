// What a live protocol is to the sockets: a codec opens one session for each client. A new protocol is one more file that makes such a codec.
import type { Hub } from './hub.ts';

/** Who a client is; `org` limits it to the rows of that organisation. */
export type Principal = { role: string; org?: string };

/** WebSocket close code (3000 to 4999) and its reason. */
export type Close = { readonly code: number; readonly reason: string };

/** The client's end of the line, as a codec sees it. */
export type Wire = {
  send(frame: string | Buffer): void;
  close(close: Close): void;
  /** Bytes that the client has not taken yet. */
  readonly backlog: number;
  /** Who presents this token ('' for none) with the request that opened the line; undefined: nobody we know. */
  authorize(token: string): Principal | undefined | Promise<Principal | undefined>;
};

export type Session = {
  /** One frame from the client, undefined for a binary one; whatever it holds, this does not throw. */
  receive(frame: string | undefined): void;
  /** Called a few times a second: pings and time limits. */
  tick(): void;
  /** Sends the client away so that it comes back by itself: we are being deployed or stopped. */
  shutdown(): void;
  /** The line is down; nothing is sent any more. */
  closed(): void;
};

export type Codec = (hub: Hub, wire: Wire) => Session;
