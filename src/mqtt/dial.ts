// Opens the byte stream to a broker: TCP, TLS or WebSocket, by the scheme of its address.
import { createRequire } from 'node:module';
import { connect as connectTcp } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ConnectionOptions } from 'node:tls';
import { expected, Fault, reasonOf } from '../kernel/fault.ts';
import { certificateHints } from '../reading/certificate.ts';
import type { ConnectOptions } from './client-packets.ts';

export type TlsOptions = Pick<
  ConnectionOptions,
  'ca' | 'cert' | 'key' | 'pfx' | 'passphrase' | 'rejectUnauthorized' | 'servername' | 'ALPNProtocols'
>;

export type BrokerAddress = { scheme: 'tcp' | 'tls' | 'ws' | 'wss'; host: string; port: number; url: URL };

const schemes: Readonly<Record<string, readonly [scheme: BrokerAddress['scheme'], port: number]>> = {
  'mqtt:': ['tcp', 1883],
  'tcp:': ['tcp', 1883],
  'mqtts:': ['tls', 8883],
  'ssl:': ['tls', 8883],
  'tls:': ['tls', 8883],
  'ws:': ['ws', 80],
  'wss:': ['wss', 443],
};

/** Throws a Fault FIELDLINE_SETTING on anything that is no broker's address. User and password of the address are kept in `url`. */
export function brokerAddress(text: string): BrokerAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const found = url && schemes[url.protocol];
  if (url === undefined || found === undefined || url.hostname === '')
    // The text may hold a password.
    throw new Fault(
      'FIELDLINE_SETTING',
      expected('mqtt', 'mqtt://, mqtts://, ws:// or wss:// and a host', text.replace(/\/\/[^@/]*@/, '//…@')),
    );
  const [scheme, port] = found;
  return { scheme, host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port) || port, url };
}

/** User and password: those of the address where none are given. */
export function credentialsFor(
  { url }: BrokerAddress,
  given: { username?: string; password?: string },
): Pick<ConnectOptions, 'username' | 'password'> {
  return {
    username: given.username ?? (decodeURIComponent(url.username) || undefined),
    password: given.password ?? (decodeURIComponent(url.password) || undefined),
  };
}

/** `onOpen` is called when bytes can reach the peer; writes before are kept. Failures come as the stream's `error`. */
export function dial(address: BrokerAddress, tls: TlsOptions, maxBytes: number, onOpen: () => void): Duplex {
  const { scheme, host, port, url } = address;
  if (scheme === 'tcp') return connectTcp({ host, port, noDelay: true, keepAlive: true }, onOpen);
  if (scheme === 'tls') {
    // A host that is an address cannot be a server name [RFC 6066 §3].
    const servername = tls.servername || (/^[\d.]+$|:/.test(host) ? '' : host);
    // As with ws below: not loaded where nobody uses it.
    const socket = process.getBuiltinModule('node:tls').connect({ ...tls, host, port, servername }, onOpen);
    return socket.setNoDelay(true);
  }
  // Loaded where it is needed: on a small scanner it would be a tenth of the memory.
  const { createWebSocketStream, WebSocket } = createRequire(import.meta.url)('ws') as typeof import('ws');
  const target = new URL(url);
  target.username = '';
  target.password = '';
  const socket = new WebSocket(target, 'mqtt', { ...tls, maxPayload: maxBytes, handshakeTimeout: 10_000 });
  socket.once('open', onOpen);
  return createWebSocketStream(socket);
}

export const NO_TLS = 'if the broker speaks no TLS there, use mqtt:// or ws://';
/** What to do about an error that does not pass by itself. */
const HINTS: Readonly<Record<string, string>> = {
  ...certificateHints({
    peer: 'broker',
    trust: 'name it or its authority as CA certificate in the TLS settings of the broker',
  }),
  ERR_TLS_CERT_ALTNAME_INVALID: 'use a name that is in the certificate, or set it as server name in the TLS settings',
  EPROTO: NO_TLS,
  ERR_SSL_WRONG_VERSION_NUMBER: NO_TLS,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: NO_TLS,
};

/** Why a stream has failed, and what to do where that is known. */
export function streamReason(error: NodeJS.ErrnoException & { reason?: string }): string {
  const hint = HINTS[error.code ?? ''];
  // Of OpenSSL the reason alone, without the addresses around it.
  return hint === undefined ? reasonOf(error) : `${error.reason ?? error.message}; ${hint}`;
}
