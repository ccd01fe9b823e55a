// Access tokens: JSON Web Tokens (RFC 7519) with HMAC-SHA-256 and nothing else, made and checked with one secret.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { expected } from './fault.ts';

/** From the one with the fewest rights to the one with all. */
export const roles = ['viewer', 'operator', 'admin'] as const;
export type Role = (typeof roles)[number];

/** What a token says of its bearer. `exp` and `nbf` are seconds since 1970. */
export type Claims = { sub: string; org_id: string; role: Role; exp: number; nbf?: number };
export type Refused = { refused: string };

const MAX_LENGTH = 4096;
const BASE64URL = /^[\w-]+$/;
const header = Buffer.from('{"alg":"HS256","typ":"JWT"}').toString('base64url');

export function signToken(claims: Claims, secret: string): string {
  const signed = `${header}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`;
  return `${signed}.${signatureOf(signed, secret).toString('base64url')}`;
}

/** Does the text look like a token at all? Other texts are keys, or sessions of the editor. */
export function isToken(text: string): boolean {
  const parts = text.split('.');
  return parts.length === 3 && parts[0]!.startsWith('eyJ');
}

/**
 * The claims of a token signed with this secret that is valid now, else why not. The header decides nothing: HS256 is
 * checked whatever it says, and one that says anything else is refused [RFC 8725 §3.1].
 */
export function readToken(token: string, secret: string, nowMs: number): Claims | Refused {
  const parts = token.split('.');
  if (token.length > MAX_LENGTH || parts.length !== 3 || !parts.every(part => BASE64URL.test(part)))
    return { refused: 'token: expected a JSON Web Token' };
  const [head = '', body = '', signature = ''] = parts;
  const wanted = signatureOf(`${head}.${body}`, secret);
  const given = Buffer.from(signature, 'base64url');
  // The text is compared too: base64url leaves bits of the last digit unread.
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted) || signature !== wanted.toString('base64url'))
    return { refused: 'token: the signature is not of this gateway' };
  const { alg, crit } = objectOf(head);
  if (alg !== 'HS256' || crit !== undefined)
    return { refused: expected('token', 'the algorithm HS256 without critical extensions', alg) };
  return checked(objectOf(body), nowMs);
}

function checked({ sub, org_id, role, exp, nbf }: Record<string, unknown>, nowMs: number): Claims | Refused {
  if (typeof sub !== 'string' || sub === '') return { refused: expected('token.sub', 'a name', sub) };
  if (typeof org_id !== 'string' || org_id === '' || org_id.includes('\0'))
    return { refused: expected('token.org_id', 'an organisation', org_id) };
  const known = roles.find(name => name === role);
  if (known === undefined) return { refused: expected('token.role', `one of ${roles.join(', ')}`, role) };
  if (typeof exp !== 'number' || !Number.isFinite(exp)) return { refused: expected('token.exp', 'a time', exp) };
  if (exp * 1000 <= nowMs) return { refused: 'token: expired' };
  if (nbf !== undefined && !(typeof nbf === 'number' && nbf * 1000 <= nowMs))
    return { refused: 'token: not valid yet' };
  return { sub, org_id, role: known, exp, ...(nbf === undefined ? {} : { nbf }) };
}

/** Does a role include the rights of another? */
export function atLeast(role: Role, needed: Role): boolean {
  return roles.indexOf(role) >= roles.indexOf(needed);
}

function signatureOf(signed: string, secret: string): Buffer {
  return createHmac('sha256', secret).update(signed).digest();
}

function objectOf(part: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString());
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
