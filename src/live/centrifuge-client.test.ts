// /ws with the public client `centrifuge`, unmodified: subscribe with filter and snapshot, push, refusal, and resume after the line was cut.
import assert from 'node:assert/strict';
import { WebSocket } from 'ws';
import { openAdmission } from './admission.ts';
import { centrifugoCodec } from './centrifugo.ts';
import type { Endpoint } from './endpoint.ts';
import { createHub, type Hub } from './hub.ts';
import { laser as measured, type Served, serveEndpoint } from './live.fixture.ts';
import { socketEndpoint } from './sockets.ts';
import { until } from '../../test/support/until.ts';

// The part of the package's types that is used here, so that this compiles where the package is absent.
type Handler = (context: Record<string, unknown> & { data: Record<string, unknown>; code: number }) => void;
type Emitter = { on(event: string, handler: Handler): void };
type ClientSubscription = Emitter & { subscribe(): void; unsubscribe(): void; readonly state: string };
type Client = Emitter & {
  connect(): void;
  disconnect(): void;
  ready(timeout?: number): Promise<void>;
  newSubscription(channel: string, options?: object): ClientSubscription;
  publish(channel: string, data: unknown): Promise<unknown>;
  presence(channel: string): Promise<unknown>;
};
type Package = { Centrifuge: new (url: string, options: object) => Client };

const laser = (value: number, sessionId = 'S1') => measured(value, { sessionId });

const next = (emitter: Emitter, event: string) =>
  new Promise<Parameters<Handler>[0]>(resolve => emitter.on(event, resolve));

describe('live with the public centrifuge client', () => {
  let library: Package;
  let hub: Hub;
  let endpoint: Endpoint;
  let served: Served;
  const clients: Client[] = [];
  /** What the clients sent. */
  const frames: (string | Buffer)[] = [];

  before(async function () {
    const name = 'centrifuge';
    try {
      library = (await import(name)) as Package;
    } catch {
      console.log('      skipped, needs the package centrifuge');
      this.skip();
    }
  });
  beforeEach(async () => {
    hub = createHub();
    frames.length = 0;
    const admission = openAdmission({
      identify: (_, token) => (token === 'wrong' ? { refused: 'forged' } : { role: 'viewer' }),
    });
    endpoint = socketEndpoint(hub, admission, {
      paths: ['/ws'],
      codec(hub, wire) {
        const session = centrifugoCodec({ pingMs: 1000 })(hub, wire);
        const receive = (frame: string | Buffer) => {
          frames.push(frame);
          session.receive(frame);
        };
        return { ...session, receive };
      },
    });
    served = await serveEndpoint(endpoint);
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.disconnect();
    await endpoint.close();
    hub.close();
    await served.close();
  });

  function connect(options: object = {}): Client {
    const client = new library.Centrifuge(`ws://${served.at}/ws`, {
      websocket: WebSocket,
      minReconnectDelay: 5,
      maxReconnectDelay: 20,
      ...options,
    });
    clients.push(client);
    client.connect();
    return client;
  }

  /** Subscribes and collects the values pushed. */
  async function subscribe(client: Client, channel: string, data: object = {}) {
    const subscription = client.newSubscription(channel, { data });
    const values: unknown[] = [];
    subscription.on('publication', ({ data }) => values.push(data['value_mm']));
    subscription.subscribe();
    const context = await next(subscription, 'subscribed');
    return { subscription, values, context };
  }

  it('gets the snapshot, then the rows that pass its filter', async () => {
    hub.publish([laser(1), laser(2, 'S2')]);
    const { values, context } = await subscribe(connect(), 'measurement-stream', {
      filter: 'session_id=eq.S2',
      snapshot: true,
    });
    const { snapshot } = context.data as { snapshot: { data: Record<string, unknown> }[] };
    assert.deepEqual(
      snapshot.map(entry => entry.data['value_mm']),
      [2],
    );
    hub.publish([laser(3), laser(4, 'S2'), laser(5, 'S2')]);
    await until(() => values.length === 2);
    assert.deepEqual(values, [4, 5]);
  });

  it('subscribes to many channels, and leaves them', async () => {
    const client = connect();
    const [device, alarms] = await Promise.all([subscribe(client, 'device:D1'), subscribe(client, 'alarms')]);
    hub.publish([laser(1)]);
    await until(() => device!.values.length === 1);
    device!.subscription.unsubscribe();
    assert.equal(device!.subscription.state, 'unsubscribed');
    assert.deepEqual(alarms!.values, []);
  });

  it('learns of an unknown channel and of a bad filter once, and stays connected', async () => {
    const client = connect();
    for (const [channel, data, code] of [
      ['nope', {}, 102],
      ['alarms', { filter: 'nope=eq.1' }, 107],
    ] as const) {
      const subscription = client.newSubscription(channel, { data });
      subscription.subscribe();
      assert.equal((await next(subscription, 'unsubscribed')).code, code);
    }
    await client.ready();
  });

  it('may not publish, and finds no presence', async () => {
    const client = connect();
    await client.ready();
    await assert.rejects(client.publish('alarms', {}), { code: 103 });
    await assert.rejects(client.presence('alarms'), { code: 108 });
  });

  it('gives up on a token that nobody knows', async () => {
    const client = connect({ token: 'wrong' });
    assert.equal((await next(client, 'disconnected')).code, 3500);
  });

  it('resumes without loss or repetition while rows are published and the line is cut', async () => {
    const client = connect();
    const { values, subscription } = await subscribe(client, 'device:D1');
    let resumed = 0;
    subscription.on('subscribed', context => {
      assert.equal(context['recovered'], true);
      resumed++;
    });
    let sent = 0;
    const publishing = setInterval(() => hub.publish([laser(++sent), laser(++sent)]), 1);
    for (let cut = 1; cut <= 5; cut++) {
      const before = sent;
      await until(() => sent > before + 20);
      served.cut();
      await until(() => resumed === cut);
    }
    clearInterval(publishing);
    await until(() => values.at(-1) === sent);
    assert.deepEqual(
      values,
      Array.from({ length: sent }, (_, at) => at + 1),
    );
  });

  it('answers pings', async () => {
    const client = connect();
    await client.ready();
    await until(() => frames.includes('{}'));
  }).timeout(5000);
});
