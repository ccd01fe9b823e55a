// Before a deploy: sources pause and what is on its way arrives, so that no message is caught between two flows.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pauseSources, resumeSources } from '../src/palette/drain.ts';
import { drained } from '../src/palette/tracker.ts';

/** As long as a deploy waits for open messages; what is left is sent again by its source. */
const DRAIN_LIMIT_MS = 3000;
/** The answer to a deploy leaves before the new flow runs; sources resume with the flow, or after this. */
const START_LIMIT_MS = 5000;

type Next = () => void;
type Events = {
  once(event: string, listener: () => void): void;
  removeListener(event: string, listener: () => void): void;
};

function isDeploy(request: IncomingMessage): boolean {
  const path = (request.url ?? '').split('?')[0]!;
  if (path === '/flows' || path === '/flows/state' || path === '/flow') return request.method === 'POST';
  return /^\/flow\/[^/]+$/.test(path) && (request.method === 'PUT' || request.method === 'DELETE');
}

/** `httpAdminMiddleware` of Node-RED. */
export function drainBeforeDeploy(
  events: Events,
): (request: IncomingMessage, response: ServerResponse, next: Next) => void {
  let deploys = 0;
  const over = () => {
    if (--deploys === 0) resumeSources();
  };
  return (request, response, next) => {
    if (!isDeploy(request)) return next();
    deploys++;
    pauseSources();
    let started = false;
    const onStarted = () => {
      started = true;
    };
    events.once('flows:started', onStarted);
    response.once('close', () => {
      if (started) return over();
      events.removeListener('flows:started', onStarted);
      // A refused deploy changes nothing; any other ends in a start of the flows.
      if (response.statusCode >= 400) return over();
      const timer = setTimeout(finish, START_LIMIT_MS);
      function finish() {
        clearTimeout(timer);
        events.removeListener('flows:started', finish);
        over();
      }
      events.once('flows:started', finish);
    });
    // What `next` is called with would count as an error.
    void drained(DRAIN_LIMIT_MS).then(() => next());
  };
}
