// The gate in front of everything on PORT: lets a request through with a session cookie, a bearer token or HTTP Basic.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pathOf } from '../src/api/door.ts';
import { isLoopback } from './environment.ts';
import { ADMIN, type Login, SESSION_SECONDS, type Verdict } from './login.ts';
import { loginPage } from './login-page.ts';

export type Gate = {
  /** Whether the request carries a valid login; also for WebSocket upgrades. Always true without a password. */
  admits(request: IncomingMessage): boolean;
  /** True when the request may go on; else the gate has answered it. */
  passes(request: IncomingMessage, response: ServerResponse): Promise<boolean>;
};

/** Set by the gate on what it lets through (and taken off what comes in): Node-RED checks the session behind it again. */
export const SESSION_HEADER = 'x-fieldline-session';
const COOKIE = 'fieldline_session';
const BODY_LIMIT = 4096;

export function answer(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  const html = typeof body === 'string';
  response.writeHead(status, {
    'content-type': html ? 'text/html; charset=utf-8' : status >= 400 ? 'application/problem+json' : 'application/json',
    'cache-control': 'no-store',
    ...headers,
  });
  response.end(html ? body : JSON.stringify(body));
}

/** A page of another site can point its own name at 127.0.0.1 (DNS rebinding); an open gateway answers to its own names only. */
export function openGate(): Gate {
  const admits = (request: IncomingMessage) => {
    const host = (request.headers.host ?? 'localhost').replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
    return isLoopback(host.toLowerCase());
  };
  return {
    admits,
    async passes(request, response) {
      if (admits(request)) return true;
      answer(response, 403, {
        title: 'Unknown host name',
        detail: 'Use localhost or 127.0.0.1, or set FIELDLINE_ADMIN_PASSWORD to reach the gateway under other names.',
      });
      return false;
    },
  };
}

export function guardedGate(login: Login, log: (address: string) => void): Gate {
  const check = (request: IncomingMessage, user: string, password: string): Verdict => {
    const address = request.socket.remoteAddress ?? '';
    const verdict = login.check(address, user, password);
    if (verdict === 'wrong') log(address);
    return verdict;
  };
  const verdictOf = (request: IncomingMessage): Verdict | 'none' => {
    const cookie = new RegExp(`(?:^|;\\s*)${COOKIE}=([^;]+)`).exec(request.headers.cookie ?? '')?.[1];
    if (cookie !== undefined && login.isSession(cookie)) return 'right';
    const [scheme = '', value = ''] = (request.headers.authorization ?? '').split(' ');
    if (scheme.toLowerCase() === 'bearer') return login.isSession(value) ? 'right' : 'none';
    if (scheme.toLowerCase() !== 'basic') return 'none';
    const [, user = '', password = ''] = /^([^:]*):([\s\S]*)$/.exec(Buffer.from(value, 'base64').toString()) ?? [];
    return check(request, user, password);
  };
  const admits = (request: IncomingMessage): boolean => {
    delete request.headers[SESSION_HEADER];
    if (verdictOf(request) !== 'right') return false;
    request.headers[SESSION_HEADER] = login.session();
    return true;
  };
  const cookieOf = (value: string, seconds: number) =>
    `${COOKIE}=${value}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Lax`;

  const refuse = (request: IncomingMessage, response: ServerResponse, verdict: Verdict | 'none'): void => {
    const wait = typeof verdict === 'object' ? verdict.waitSeconds : undefined;
    const [status, says] =
      wait !== undefined
        ? [429, `Too many wrong passwords. Try again in ${wait} s.`]
        : [401, verdict === 'wrong' ? 'Wrong user or password.' : 'Log in as admin.'];
    const headers: Record<string, string> = wait === undefined ? {} : { 'retry-after': String(wait) };
    if (request.headers.accept?.includes('text/html')) {
      answer(response, status, loginPage(request.url ?? '/', verdict === 'none' ? '' : says), headers);
      return;
    }
    // Browsers would show their own dialog on a challenge in an answer to a script: those ask without this header.
    if (status === 401 && request.headers['sec-fetch-site'] === undefined)
      headers['www-authenticate'] = 'Basic realm="Fieldline", charset="UTF-8"';
    answer(response, status, { title: says, status }, headers);
  };

  const enter = async (request: IncomingMessage, response: ServerResponse, token: boolean): Promise<void> => {
    const form = await formOf(request);
    if (form === undefined) return answer(response, 400, { title: 'Expected a login form', status: 400 });
    const verdict = check(request, form['username'] ?? ADMIN, form['password'] ?? '');
    if (verdict !== 'right') {
      request.url = safeTarget(form['next']);
      return refuse(request, response, verdict);
    }
    const session = login.session();
    const cookie = { 'set-cookie': cookieOf(session, SESSION_SECONDS) };
    if (token)
      answer(response, 200, { access_token: session, expires_in: SESSION_SECONDS, token_type: 'Bearer' }, cookie);
    else answer(response, 303, '', { location: safeTarget(form['next']), ...cookie });
  };

  return {
    admits,
    async passes(request, response) {
      const path = pathOf(request);
      if (request.method === 'POST' && (path === '/login' || path === '/auth/token')) {
        await enter(request, response, path === '/auth/token');
        return false;
      }
      // How to log in, as Node-RED's own command line tool asks for it.
      if (path === '/auth/login') return true;
      const verdict = verdictOf(request);
      delete request.headers[SESSION_HEADER];
      if (verdict !== 'right') {
        refuse(request, response, verdict);
        return false;
      }
      request.headers[SESSION_HEADER] = login.session();
      if (request.method === 'POST' && path === '/auth/revoke') response.setHeader('set-cookie', cookieOf('', 0));
      return true;
    },
  };
}

/** A path of this gateway; anything else, such as `//other.example`, becomes the start page. */
function safeTarget(target: string | undefined): string {
  return target !== undefined && /^\/(?![/\\])[^\s\\]*$/.test(target) && target !== '/login' ? target : '/';
}

/** Fields of a small form or JSON body; undefined when it is neither or too large. */
async function formOf(request: IncomingMessage): Promise<Record<string, string> | undefined> {
  let body = '';
  for await (const chunk of request) {
    body += chunk;
    if (body.length > BODY_LIMIT) return undefined;
  }
  if (!request.headers['content-type']?.includes('json')) return Object.fromEntries(new URLSearchParams(body));
  try {
    const value = JSON.parse(body) as Record<string, unknown>;
    return Object.fromEntries(
      Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
    );
  } catch {
    return undefined;
  }
}
