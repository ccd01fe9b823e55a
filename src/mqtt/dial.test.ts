// Tests of the ways to a broker: TCP, TLS with and without trust, WebSocket, and addresses that are none.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createHttp } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { createServer as createTls } from 'node:tls';
import { createWebSocketStream, WebSocketServer } from 'ws';
import { type Mqtt5Peer, mqtt5Peer } from '../../test/support/mqtt5-peer.ts';
import { brokerAddress, type TlsOptions } from './dial.ts';
import type { SourceState } from './source-state.ts';
import { wireSource } from './subscriber.ts';

describe('ways to a broker', () => {
  const addresses: [text: string, scheme: string, host: string, port: number][] = [
    ['mqtt://broker', 'tcp', 'broker', 1883],
    ['tcp://10.0.0.1:99', 'tcp', '10.0.0.1', 99],
    ['mqtts://broker', 'tls', 'broker', 8883],
    ['ssl://u:p@[::1]:1', 'tls', '::1', 1],
    ['ws://broker/mqtt', 'ws', 'broker', 80],
    ['wss://broker', 'wss', 'broker', 443],
  ];
  for (const [text, scheme, host, port] of addresses)
    it(`reads ${text}`, () => {
      const address = brokerAddress(text);
      assert.deepEqual([address.scheme, address.host, address.port], [scheme, host, port]);
    });

  let folder = '';
  let pair: { key: Buffer; cert: Buffer } | undefined;
  let peer: Mqtt5Peer;
  let server: Server;
  const streams = new Set<Duplex>();
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'tls-'));
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const request = [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '2',
    ];
    const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
    const made = spawnSync('openssl', [...request, ...names, '-keyout', key, '-out', cert]);
    if (made.status === 0) pair = { key: readFileSync(key), cert: readFileSync(cert) };
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** Hands what comes on to the scripted peer. */
  function forward(near: Duplex): void {
    const far = connect(peer.port, '127.0.0.1');
    for (const stream of [near, far]) {
      streams.add(stream);
      stream.on('error', () => {});
      stream.on('close', () => {
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far).pipe(near);
  }
  async function listen(made: Server): Promise<number> {
    server = made;
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }
  beforeEach(async () => {
    peer = await mqtt5Peer();
  });
  afterEach(async () => {
    for (const stream of streams) stream.destroy();
    streams.clear();
    server?.close();
    await peer.close();
  });
  /** First state that is not `connecting`, and what the first message said. */
  async function outcome(url: string, tls: TlsOptions): Promise<{ state: SourceState; text: string }> {
    let text = '';
    const state = await new Promise<SourceState>(resolve => {
      const handle = wireSource({
        ...{ url, tls, clientId: 'me', filters: [{ filter: 't', qos: 1 }], window: 10, source: 'test' },
        sessionExpirySeconds: 60,
        onState(told) {
          if (told.state === 'subscribed') peer.publish('t', Buffer.alloc(200_000, 'x'), 1);
          else if (told.state === 'offline') void handle.close().then(() => resolve(told));
        },
      })((raw, settle) => {
        text = `${raw.bytes.length} bytes`;
        settle({ ok: true });
        void handle.close().then(() => resolve({ state: 'subscribed', via: 'MQTT 5', detail: undefined }));
      });
    });
    return { state, text };
  }

  for (const secure of [false, true])
    it(`comes through a ${secure ? 'wss' : 'ws'} WebSocket`, async function () {
      if (secure && pair === undefined) this.skip();
      const http = secure ? createHttps(pair ?? {}) : createHttp();
      const sockets = new WebSocketServer({ server: http, path: '/mqtt' });
      let subprotocol = '';
      sockets.on('connection', socket => {
        subprotocol = socket.protocol;
        forward(createWebSocketStream(socket));
      });
      const port = await listen(http);
      const url = `${secure ? 'wss' : 'ws'}://localhost:${port}/mqtt`;
      const { text } = await outcome(url, secure ? { ca: pair?.cert } : {});
      assert.equal(text, '200000 bytes');
      assert.equal(subprotocol, 'mqtt');
      assert.ok(peer.acked().length > 0 || peer.heard.some(({ cmd }) => cmd === 'disconnect'));
      sockets.close();
    });

  const tlsTable: [name: string, options: () => TlsOptions, refused?: RegExp][] = [
    ['a certificate it trusts', () => ({ ca: pair?.cert })],
    ['any certificate when told so', () => ({ rejectUnauthorized: false })],
    ['no certificate it does not know, and says what to do', () => ({}), /self-signed.*; if .* in the TLS settings/],
    [
      'no certificate of another name, and says what to do',
      () => ({ ca: pair?.cert, servername: 'other.example' }),
      /other\.example.*; use a name that is in the certificate/,
    ],
  ];
  for (const [name, options, refused] of tlsTable)
    it(`takes over TLS ${name}`, async function () {
      // Certificates are made with openssl; where it is missing this is not tested.
      if (pair === undefined) this.skip();
      const port = await listen(createTls(pair, forward).on('tlsClientError', () => {}));
      const { state, text } = await outcome(`mqtts://localhost:${port}`, options());
      if (refused) assert.match(state.state === 'offline' ? state.reason : '', refused);
      else assert.equal(text, '200000 bytes');
    });

  it('says what to do where only one side speaks TLS', async function () {
    if (pair === undefined) this.skip();
    const port = await listen(createTls(pair, forward).on('tlsClientError', () => {}));
    const plain = await outcome(`mqtt://localhost:${port}`, {});
    assert.match(plain.state.state === 'offline' ? plain.state.reason : '', /without an answer: .* TLS \(mqtts:/);
    server.close();
    const at = await listen(createServer(socket => socket.on('error', () => {}).end('no TLS at all')));
    const secure = await outcome(`mqtts://localhost:${at}`, {});
    assert.match(secure.state.state === 'offline' ? secure.state.reason : '', /^wrong version number; .* use mqtt:/);
  });

  it('says that nobody listens', async () => {
    const port = await listen(createHttp());
    server.close();
    const { state } = await outcome(`mqtt://127.0.0.1:${port}`, {});
    assert.match(state.state === 'offline' ? state.reason : '', /ECONNREFUSED/);
    const over = await outcome(`ws://127.0.0.1:${port}`, {});
    assert.match(over.state.state === 'offline' ? over.state.reason : '', /ECONNREFUSED/);
  });
});
