// Who asks the API: by the key of a gateway or an app where the request shows one, else as the gateway tells.
import type { IncomingMessage } from 'node:http';
import type { Refused } from '../kernel/token.ts';
import type { Identify, Principal } from '../reading/principal.ts';
import { credentialsOf } from './ingest-http.ts';
import type { Key, KeyRing } from './key-ring.ts';
import { type Problem, problem } from './problem.ts';
import type { RateLimit } from './rate.ts';

/** Requests a minute of a key that has no limit of its own (X8). */
const PER_MINUTE: Readonly<Record<Key['kind'], number>> = { gateway: 10, app: 600 };
const KEY = /^flk_[\w-]{8,100}$/;

/** A request that shows what looks like one of our keys has to show one that is in use. */
export function credentials(identify: Identify, ring: KeyRing, rate: RateLimit) {
  return async (request: IncomingMessage): Promise<Principal | Refused | Problem> => {
    const text = keyOf(request);
    if (text === undefined) return identify(request);
    const key = await ring.find(text);
    if (key === undefined) return { refused: 'expected a key that is in use, got another (wrong, expired or revoked)' };
    const perMinute = key.perMinute ?? PER_MINUTE[key.kind];
    const seconds = rate(String(key.id), perMinute);
    if (seconds > 0) {
      const says = `expected at most ${perMinute} requests a minute of this key; wait ${seconds} s`;
      return { ...problem(429, 'Too many requests', says), retry_after: seconds };
    }
    return principalOf(key);
  };
}

/** An app reads and writes for its users; a gateway only brings what it measured. */
function principalOf({ name, kind, orgId }: Key): Principal {
  const org = orgId === undefined ? {} : { org: orgId };
  return { role: kind === 'app' ? 'operator' : 'viewer', subject: `key ${name}`, ingests: true, ...org };
}

function keyOf({ headers }: IncomingMessage): string | undefined {
  return [credentialsOf(headers), headers['apikey']].find(
    (given): given is string => typeof given === 'string' && KEY.test(given),
  );
}
