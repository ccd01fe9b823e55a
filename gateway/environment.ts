// The environment, read once and checked before anything starts: every wrong value is named with what to do.
import { existsSync } from 'node:fs';
import { isIP } from 'node:net';
import path from 'node:path';
import { expected, Fault } from '../src/kernel/fault.ts';

export type Address = { host: string; port: number };
export type Environment = {
  port: number;
  host: string;
  /** Absolute path of the data directory. */
  directory: string;
  /** PostgreSQL to use instead of the embedded one. */
  databaseUrl?: string;
  /** Broker to use instead of the embedded one. */
  mqttUrl?: string;
  mqttListen: Address;
  adminPassword?: string;
  secret?: string;
  /** What tokens have to say besides what is always checked. */
  tokens: TokenBounds;
  demo: boolean;
  traces?: Traces;
};

/** `aud` and `iss` of a token; left out: not looked at, as the tokens of other systems carry words of their own. */
export type TokenBounds = { aud?: string; iss?: string };

/** Where traces go by OTLP/HTTP, and of what share of the messages. */
export type Traces = { url: string; share: number; headers: Readonly<Record<string, string>> };

/** The checkout or image: the folder with settings.js above this file, which runs from gateway/ or dist/gateway/. The data directory lies in it by default. */
export function rootFolder(): string {
  let at = import.meta.dirname;
  while (!existsSync(path.join(at, 'settings.js')) && at !== path.dirname(at)) at = path.dirname(at);
  return at;
}

/** Where the nodes keep their files in a data directory: as below the user directory of any Node-RED. */
export function nodesFolder(directory: string): string {
  return path.join(directory, 'fieldline');
}

const MIN_PASSWORD = 8;
const MIN_SECRET = 16;

function wrong(name: string, what: string, got: unknown): Fault {
  return new Fault('FIELDLINE_SETTING', expected(name, what, got));
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

function portOf(name: string, text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw wrong(name, 'a port from 0 to 65535 (0 = a free one)', text);
  return port;
}

function hostOf(name: string, text: string): string {
  const host = text.replace(/^\[(.*)\]$/, '$1');
  if (isIP(host) === 0 && !/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(host))
    throw wrong(name, 'an address of this machine such as 127.0.0.1 or 0.0.0.0', text);
  return host;
}

function listenOf(name: string, text: string): Address {
  const parts = /^(.+):([^:]*)$/.exec(text);
  if (parts === null) throw wrong(name, 'host:port such as 127.0.0.1:1883', text);
  return { host: hostOf(name, parts[1]!), port: portOf(name, parts[2]!) };
}

/** The text of a URL never goes into a complaint: it may hold a password. */
function urlOf(name: string, text: string, schemes: readonly string[], example: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const scheme = url?.protocol.slice(0, -1);
  if (url === undefined || !schemes.includes(scheme!) || url.hostname === '')
    throw wrong(name, `a URL such as ${example}`, scheme === undefined ? 'no URL' : `one that begins with ${scheme}:`);
  checkEncoding(name, url.username + url.password, 'user and password');
  return text;
}

function checkEncoding(name: string, text: string, what: string): void {
  try {
    decodeURIComponent(text);
  } catch {
    throw wrong(name, `${what} percent-encoded (% itself is %25)`, 'a % that begins no such sign');
  }
}

/** PostgreSQL URLs may name a socket folder in `?host=` and leave the host out. */
function databaseUrlOf(text: string): string {
  const name = 'DATABASE_URL';
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined) checkEncoding(name, url.username + url.password + url.pathname, 'user, password and database');
  if (/^postgres(ql)?:$/.test(url?.protocol ?? '') && url?.searchParams.get('host')) return text;
  return urlOf(name, text, ['postgresql', 'postgres'], 'postgresql://user:password@host:5432/database');
}

/** The text is not shown: it may be a secret. */
function headerOf(pair: string): [name: string, value: string] {
  const [, name, text = ''] = /^\s*([\w-]+)=(.*)$/.exec(pair) ?? [];
  try {
    if (name !== undefined) return [name, decodeURIComponent(text)];
  } catch {
    // Said below.
  }
  throw wrong('OTEL_EXPORTER_OTLP_HEADERS', 'name=value, separated by commas, percent-encoded', 'something else');
}

/** The variables have the names that OpenTelemetry gives them. */
function tracesOf(value: (name: string) => string | undefined): Traces | undefined {
  const endpoint = value('OTEL_EXPORTER_OTLP_ENDPOINT');
  if (endpoint === undefined) return undefined;
  const url = urlOf('OTEL_EXPORTER_OTLP_ENDPOINT', endpoint, ['http', 'https'], 'http://127.0.0.1:4318');
  const given = value('OTEL_TRACES_SAMPLER_ARG') ?? '0.01';
  const share = Number(given);
  if (!(share >= 0 && share <= 1)) throw wrong('OTEL_TRACES_SAMPLER_ARG', 'a share from 0 to 1', given);
  const pairs = (value('OTEL_EXPORTER_OTLP_HEADERS') ?? '').split(',').filter(pair => pair.trim() !== '');
  const headers = Object.fromEntries(pairs.map(headerOf));
  return { url: `${url.replace(/\/+$/, '')}/v1/traces`, share, headers };
}

/**
 * Values of the environment; an empty variable counts as not set. `root` is where the default data directory lies.
 * Throws a Fault (FIELDLINE_SETTING, FIELDLINE_PASSWORD_NEEDED) that names the variable.
 */
export function readEnvironment(env: Readonly<Record<string, string | undefined>>, root: string): Environment {
  const value = (name: string): string | undefined => (env[name]?.trim() === '' ? undefined : env[name]?.trim());
  const host = hostOf('HOST', value('HOST') ?? '127.0.0.1');
  const demo = value('FIELDLINE_DEMO') ?? 'on';
  if (demo !== 'on' && demo !== 'off') throw wrong('FIELDLINE_DEMO', 'on or off', demo);
  // Passwords are taken as they are: a blank at the end may be part of one.
  const adminPassword = env['FIELDLINE_ADMIN_PASSWORD'] || undefined;
  if (adminPassword !== undefined && adminPassword.length < MIN_PASSWORD)
    throw wrong('FIELDLINE_ADMIN_PASSWORD', `at least ${MIN_PASSWORD} characters`, `${adminPassword.length}`);
  const secret = env['FIELDLINE_SECRET'] || undefined;
  if (secret !== undefined && secret.length < MIN_SECRET)
    throw wrong('FIELDLINE_SECRET', `at least ${MIN_SECRET} characters`, `${secret.length}`);
  const mqttListen = listenOf('MQTT_LISTEN', value('MQTT_LISTEN') ?? '127.0.0.1:1883');
  for (const [name, at] of [
    ['HOST', host],
    ['MQTT_LISTEN', mqttListen.host],
  ] as const)
    if (!isLoopback(at) && adminPassword === undefined)
      throw new Fault(
        'FIELDLINE_PASSWORD_NEEDED',
        expected(name, 'a loopback address as long as FIELDLINE_ADMIN_PASSWORD is not set', at),
      );
  const traces = tracesOf(value);
  const [aud, iss] = [value('FIELDLINE_TOKEN_AUDIENCE'), value('FIELDLINE_TOKEN_ISSUER')];
  const databaseUrl = value('DATABASE_URL');
  const mqttUrl = value('MQTT_URL');
  return {
    port: portOf('PORT', value('PORT') ?? '1880'),
    host,
    directory: path.resolve(root, value('FIELDLINE_DIR') ?? '.fieldline'),
    databaseUrl: databaseUrl === undefined ? undefined : databaseUrlOf(databaseUrl),
    mqttUrl:
      mqttUrl === undefined
        ? undefined
        : urlOf(
            'MQTT_URL',
            mqttUrl,
            ['mqtt', 'mqtts', 'tcp', 'ssl', 'tls', 'ws', 'wss'],
            'mqtt://user:password@host:1883',
          ),
    mqttListen,
    adminPassword,
    secret,
    tokens: { ...(aud === undefined ? {} : { aud }), ...(iss === undefined ? {} : { iss }) },
    demo: demo === 'on',
    ...(traces === undefined ? {} : { traces }),
  };
}
