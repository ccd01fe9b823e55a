// Admission to the live endpoints: which pages may connect, how many clients at once, and who they are.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Clock, systemClock } from '../kernel/clock.ts';
import { count } from '../kernel/metrics.ts';
import { isAllowedPage, pageHeaders } from '../reading/origin.ts';
import type { Identify } from '../reading/principal.ts';
import { countStrangers } from './strangers.ts';

export type Refusal = { status: 403 | 429 | 503; reason: 'origin' | 'attempts' | 'connections' };

export type Admission = {
  identify: Identify;
  /** Why the request may not come in, with the status to answer; undefined when it may. */
  refusal(request: IncomingMessage): Refusal | undefined;
  /** Headers that let a page of an allowed site read an answer. */
  pageHeaders(request: IncomingMessage): Readonly<Record<string, string>>;
  /** Answers the question of a page of an allowed site whether it may send headers of its own. */
  preflight(request: IncomingMessage, response: ServerResponse, method: string): undefined;
  /** Counts a client until the returned function is called. */
  enter(): () => void;
  readonly clients: number;
};

export type AdmissionOptions = {
  identify: Identify;
  /** Origins of other sites whose pages may connect, e.g. `https://scada.example`; `*` for any. The server's own is always allowed. */
  origins?: readonly string[];
  maxConnections?: number;
  clock?: Clock;
};

export function openAdmission(options: AdmissionOptions): Admission {
  const { origins = [], maxConnections = 1000, clock = systemClock } = options;
  const strangers = countStrangers(clock);
  let clients = 0;

  function refusalOf(request: IncomingMessage): Refusal | undefined {
    if (!isAllowedPage(request, origins)) return { status: 403, reason: 'origin' };
    if (strangers.mustWait(addressOf(request))) return { status: 429, reason: 'attempts' };
    return clients >= maxConnections ? { status: 503, reason: 'connections' } : undefined;
  }

  return {
    identify(request, token) {
      const who = options.identify(request, token);
      if ('refused' in who) strangers.note(addressOf(request));
      return who;
    },
    refusal(request) {
      const found = refusalOf(request);
      if (found !== undefined) count('fieldline_live_refused_total', 1, { reason: found.reason });
      return found;
    },
    pageHeaders: request => pageHeaders(request, origins),
    preflight(request, response, method) {
      const headers = 'authorization, apikey, content-type, last-event-id, x-client-info';
      response.writeHead(204, {
        ...pageHeaders(request, origins),
        'access-control-allow-methods': method,
        'access-control-allow-headers': headers,
      });
      response.end();
      return undefined;
    },
    enter() {
      clients++;
      let inside = true;
      return () => {
        if (inside) clients--;
        inside = false;
      };
    },
    get clients() {
      return clients;
    },
  };
}

function addressOf({ socket }: IncomingMessage): string {
  return socket.remoteAddress ?? '';
}
