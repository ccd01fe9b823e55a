// /ws with the public client `centrifuge`, unmodified: subscribe with filter and snapshot, push, refusal, and resume after the line was cut.
import assert from 'node:assert/strict';
import { WebSocket } from 'ws';
import type { Refused } from '../kernel/token.ts';
import type { Principal } from '../reading/principal.ts';
import { openAdmission } from './admission.ts';
import { centrifugoCodec } from './centrifugo.ts';
import { closes } from './centrifugo-wire.ts';
import type { Close } from './codec.ts';
import { createHub, type Hub } from './hub.ts';
import { laser as measured, type Served, visited } from './live.fixture.ts';
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
  let served: Served;
  const place = visited<Client>(client => client.disconnect());
  /** What the clients sent. */
  const frames: (string | Buffer)[] = [];
  /** Of tokens that end. */
  const expiresAt: Record<string, number> = {};
  const sessions: { close(close: Close): void }[] = [];

  const passing = (token: string): Principal | Refused =>
    expiresAt[token]! > Date.now()
      ? { role: 'viewer', subject: 'ann', expiresAt: expiresAt[token]! }
      : { refused: 'token: expired' };

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
    hub = createHub({ historyRows: 1000 });
    frames.length = sessions.length = 0;
    const admission = openAdmission({
      identify: (_, token = '') =>
        token === 'wrong' ? { refused: 'forged' } : token in expiresAt ? passing(token) : { role: 'viewer' },
    });
    const endpoint = socketEndpoint(hub, admission, {
      paths: ['/ws'],
      codec(hub, wire) {
        const session = centrifugoCodec({ pingMs: 1000 })(hub, wire);
        sessions.push(wire);
        const receive = (frame: string | Buffer) => {
          frames.push(frame);
          session.receive(frame);
        };
        return { ...session, receive };
      },
    });
    served = await place.serve(hub, endpoint);
  });

  function connect(options: object = {}): Client {
    const client = new library.Centrifuge(`ws://${served.at}/ws`, {
      websocket: WebSocket,
      minReconnectDelay: 5,
      maxReconnectDelay: 20,
      ...options,
    });
    place.joined(client);
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

  it('shows a new token before the old one ends, and stays', async () => {
    let given = 0;
    const getToken = async () => {
      const token = `token ${++given}`;
      // The second is the last one for long.
      expiresAt[token] = Date.now() + (given === 1 ? 1500 : 3_600_000);
      return token;
    };
    const client = connect({ getToken });
    const { values } = await subscribe(client, 'device:D1');
    client.on('disconnected', () => assert.fail('sent away'));
    await until(() => given === 2);
    await until(() => expiresAt['token 1']! < Date.now() - 600);
    hub.publish([laser(1)]);
    await until(() => values.length === 1);
    assert.equal(sessions.length, 1, 'one line all the time');
  });

  it('comes back with a new token where its old one has ended meanwhile', async () => {
    const tokens = ['first', 'second'];
    Object.assign(expiresAt, { first: Date.now() + 3_600_000, second: Date.now() + 3_600_000 });
    const client = connect({ getToken: async () => tokens.shift() ?? assert.fail('no third token') });
    const { values } = await subscribe(client, 'device:D1');
    expiresAt['first'] = 0;
    served.cut();
    hub.publish([laser(1)]);
    await until(() => values.length === 1);
    assert.deepEqual(tokens, []);
  });

  for (const [name, { code, reason }] of Object.entries(closes))
    it(`${code < 3500 ? 'comes back' : 'stays away'} where it is sent away with ${code}, ${name}`, async () => {
      const client = connect();
      const { values } = await subscribe(client, 'device:D1');
      const gone = next(client, code < 3500 ? 'connecting' : 'disconnected');
      sessions[0]!.close({ code, reason });
      assert.equal((await gone).code, code);
      hub.publish([laser(1)]);
      if (code < 3500) await until(() => values.length === 1);
      else assert.equal(sessions.length, 1);
    });

  it('learns of its gap after more rows than the history holds, once, and goes on', async () => {
    const { values, subscription } = await subscribe(connect(), 'device:D1', { snapshot: true });
    hub.publish([laser(0)]);
    await until(() => values.length === 1);
    const back = next(subscription, 'subscribed');
    served.cut();
    hub.publish(Array.from({ length: 1500 }, (_, at) => laser(at + 1)));
    const { recovered, wasRecovering, data } = await back;
    assert.deepEqual([wasRecovering, recovered], [true, false]);
    const { snapshot } = data as { snapshot: { data: { value_mm: number } }[] };
    assert.deepEqual(
      snapshot.map(entry => entry.data.value_mm),
      [1500],
    );
    hub.publish([laser(1501)]);
    await until(() => values.length === 2);
    assert.deepEqual(values, [0, 1501]);
  });

  it('subscribes anew, once, where the server has lost the thread', async () => {
    const { values, subscription } = await subscribe(connect(), 'device:D1');
    const told: unknown[] = [];
    subscription.on('subscribed', ({ recovered }) => told.push(recovered));
    hub.breakOff();
    await until(() => told.length === 1);
    hub.publish([laser(1)]);
    await until(() => values.length === 1);
    assert.deepEqual([told, sessions.length], [[false], 1]);
  });

  it('may subscribe and unsubscribe without end, and has its rows in the end', async () => {
    const client = connect({ minReconnectDelay: 1 });
    const subscription = client.newSubscription('device:D1', { minResubscribeDelay: 5, maxResubscribeDelay: 20 });
    const values: unknown[] = [];
    subscription.on('publication', ({ data }) => values.push(data['value_mm']));
    // More than a client may say at once: it is refused, comes back, and is no worse off.
    for (let turn = 0; turn < 400; turn++) {
      subscription.subscribe();
      if (turn % 10 === 0) await new Promise(resolve => setImmediate(resolve));
      if (turn < 399) subscription.unsubscribe();
    }
    await until(() => subscription.state === 'subscribed');
    hub.publish([laser(1)]);
    await until(() => values.length > 0);
    assert.deepEqual(values, [1]);
  });

  it('answers pings', async () => {
    const client = connect();
    await client.ready();
    await until(() => frames.includes('{}'));
  });
});
