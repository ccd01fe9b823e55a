// Who asks the API and the live channels: an administrator's session, the bearer of a token, or anybody where the gateway is open.
import type { IncomingMessage } from 'node:http';
import { systemClock, type Clock } from '../src/kernel/clock.ts';
import { expected } from '../src/kernel/fault.ts';
import { isToken, readToken, type Refused } from '../src/kernel/token.ts';
import type { Identify, Principal } from '../src/reading/principal.ts';
import type { TokenBounds } from './environment.ts';
import type { Gate } from './gate.ts';
import { ADMIN } from './login.ts';

/**
 * `open`: no login is set up, so that everybody on this machine is a viewer. A token that is shown has to be right in any
 * case; other texts (the public key that client libraries insist on) name nobody.
 */
export function identifyBy(
  gate: Gate,
  open: boolean,
  { secret, bounds = {} }: { secret: string; bounds?: TokenBounds },
  clock: Clock = systemClock,
): Identify {
  return (request, given) => {
    const token = given ?? tokenOf(request);
    if (token !== undefined && isToken(token)) {
      const claims = readToken(token, secret, clock.now());
      if ('refused' in claims) return claims;
      const stray = strayOf(token, bounds);
      if (stray !== undefined) return stray;
      return { role: claims.role, org: claims.org_id, subject: claims.sub, expiresAt: claims.exp * 1000 };
    }
    if (!gate.admits(request)) return { refused: 'expected a token or a login, got none that is valid' };
    return open ? { role: 'viewer' } : administrator;
  };
}

/** Of a token that is right: why it is meant for somebody else, or made by somebody else [RFC 7519 §4.1.1, §4.1.3]. */
function strayOf(token: string, bounds: TokenBounds): Refused | undefined {
  const wants = Object.entries(bounds);
  if (wants.length === 0) return undefined;
  const claims = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as Record<string, unknown>;
  for (const [name, wanted] of wants)
    if (![claims[name]].flat().includes(wanted))
      return { refused: expected(`token.${name}`, JSON.stringify(wanted), claims[name]) };
  return undefined;
}

const administrator: Principal = { role: 'admin', subject: ADMIN };

/** Client libraries send the same text twice, as `apikey` and as bearer; the bearer wins where they differ. */
function tokenOf({ headers }: IncomingMessage): string | undefined {
  const bearer = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1];
  const key = headers['apikey'];
  if (bearer !== undefined && isToken(bearer)) return bearer;
  return typeof key === 'string' ? key : bearer;
}
