// Who asks: what the API and the live channels know of a client, and which rows it may see.
import type { IncomingMessage } from 'node:http';
import type { Refused, Role } from '../kernel/token.ts';

export type Principal = {
  role: Role;
  /** Sees the rows of this organisation only; left out: all rows. */
  org?: string;
  /** Name of the user or key; left out: anonymous. */
  subject?: string;
  /** When the token ends, milliseconds since 1970; left out: never. */
  expiresAt?: number;
  /** May bring measurements, whatever its role: the key of a gateway. */
  ingests?: boolean;
};

/**
 * Who the request comes from, by its session, token or key; the reason where it shows a bad one, or none where one is
 * needed. `token` is one that came another way than in a header (a query field, a message).
 */
export type Identify = (request: IncomingMessage, token?: string) => Principal | Refused;

/** Without a gateway in front there are no users: everybody who reaches the port is a viewer. */
export const everybodyViews: Identify = () => ({ role: 'viewer' });
