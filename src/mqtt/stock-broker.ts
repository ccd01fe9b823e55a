// Address, TLS and credentials out of the stock `mqtt-broker` config node, as Node-RED 5 holds it (10-mqtt.js, 05-tls.js).
import { expected, Fault } from '../kernel/fault.ts';
import type { TlsOptions } from './dial.ts';

export type Endpoint = {
  url: string;
  username?: string;
  password?: string;
  tls?: TlsOptions;
  keepaliveSeconds?: number;
};

const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

/**
 * The stock node has worked out the address (`brokerurl`) and resolved its TLS config node into `options`. Its client id,
 * clean session and protocol version are not taken: a durable subscriber has its own. Throws a Fault without an address.
 */
export function stockEndpoint(stock: Readonly<Record<string, unknown>>): Endpoint {
  const options = (stock['options'] ?? {}) as TlsOptions & Record<string, unknown>;
  const credentials = (stock['credentials'] ?? {}) as Record<string, unknown>;
  const url = text(stock['brokerurl']) ?? text(stock['url']);
  if (url === undefined) throw new Fault('FIELDLINE_SETTING', expected('Broker', 'an address in the broker node', url));
  const username = text(options['username']) ?? text(stock['username']) ?? text(credentials['user']);
  const password = text(options['password']) ?? text(stock['password']) ?? text(credentials['password']);
  const { ca, cert, key, pfx, passphrase, servername, ALPNProtocols, rejectUnauthorized } = options;
  const keepalive = Number(stock['keepalive']);
  return {
    url,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    tls: { ca, cert, key, pfx, passphrase, servername, ALPNProtocols, rejectUnauthorized },
    ...(Number.isInteger(keepalive) && keepalive > 0 ? { keepaliveSeconds: Math.min(keepalive, 65535) } : {}),
  };
}
