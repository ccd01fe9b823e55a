// The browser client /fieldline/live.js, as it is served: snapshot, rows, a cut line without loss, gaps, refusals.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { type Admission, openAdmission } from './admission.ts';
import { connect, type Live, type State, type Told } from './browser/live.js';
import { centrifugoCodec } from './centrifugo.ts';
import { together } from './endpoint.ts';
import { fileEndpoint } from './files.ts';
import { createHub, type Hub } from './hub.ts';
import { laser, type Served, visited } from './live.fixture.ts';
import { socketEndpoint } from './sockets.ts';
import { until } from '../../test/support/until.ts';

describe('live browser client', () => {
  let hub: Hub;
  let admission: Admission;
  let served: Served;
  const place = visited<Live>(live => live.close());

  beforeEach(async () => {
    hub = createHub();
    admission = openAdmission({
      identify: (_, token) =>
        token === 'old' ? { refused: 'token: expired' } : token === 'bad' ? { refused: 'forged' } : { role: 'viewer' },
    });
    const sockets = socketEndpoint(hub, admission, { paths: ['/ws'], codec: centrifugoCodec({ pingMs: 1000 }) });
    const strict = centrifugoCodec({ maxSubscriptions: 2, commandsPerSecond: 3 });
    const endpoint = together([
      ...[sockets, socketEndpoint(hub, admission, { paths: ['/strict'], codec: strict })],
      fileEndpoint(),
    ]);
    served = await place.serve(hub, endpoint);
  });

  function open(options: object = {}) {
    const states: State[] = [];
    const live = place.joined(
      connect({ url: `ws://${served.at}/ws`, onState: state => states.push(state), ...options }),
    );
    return { live, states };
  }

  function follow(live: Live, channel: string, wishes: object = {}) {
    const values: unknown[] = [];
    const told: Told[] = [];
    const it = { values, told, gaps: 0, stop: () => {} };
    it.stop = live.subscribe(channel, { ...wishes, onGap: () => it.gaps++ }, (row, about) => {
      values.push(row['value_mm']);
      told.push(about);
    });
    return it;
  }

  /** Resolves when the subscription stands: its own snapshot says so. */
  async function subscribed({ values, told }: ReturnType<typeof follow>): Promise<void> {
    await until(() => told.length > 0);
    values.length = told.length = 0;
  }

  it('shows what was and what comes, filtered', async () => {
    hub.publish([laser(1), laser(2, {}, 'D2')]);
    const { live } = open();
    const it = follow(live, 'measurement-stream', { snapshot: true, filter: 'value_mm=gt.1' });
    await until(() => it.values.length === 1);
    hub.publish([laser(1), laser(3)]);
    await until(() => it.values.length === 2);
    assert.deepEqual(it.values, [2, 3]);
    assert.deepEqual(
      it.told.map(({ channel, snapshot }) => [channel, snapshot]),
      [
        ['measurement-stream', true],
        ['measurement-stream', false],
      ],
    );
    it.stop();
    follow(live, 'measurement-stream').stop();
  });

  it('goes on without loss or repetition while rows are published and the line is cut', async () => {
    const { live, states } = open();
    hub.publish([laser(-1)]);
    const it = follow(live, 'device:D1', { snapshot: true });
    let sent = 0;
    await subscribed(it);
    const publishing = setInterval(() => hub.publish([laser(++sent), laser(++sent)]), 5);
    for (let cut = 1; cut <= 3; cut++) {
      served.cut();
      await until(() => states.filter(state => state === 'open').length > cut);
    }
    clearInterval(publishing);
    await until(() => it.values.at(-1) === sent);
    assert.deepEqual(
      it.values,
      Array.from({ length: sent }, (_, at) => at + 1),
    );
    assert.equal(it.gaps, 0);
  });

  it('tells a gap where rows are lost, and goes on', async () => {
    hub.publish([laser(1)]);
    const it = follow(open().live, 'device:D1', { snapshot: true });
    await subscribed(it);
    hub.breakOff();
    await until(() => it.gaps === 1 && it.told.length === 1);
    assert.equal(it.told[0]!.snapshot, true, 'what is there now');
    hub.publish([laser(2)]);
    await until(() => it.values.includes(2));
  });

  it('stops where it is refused, and asks for a new token where the old one has expired', async () => {
    const refused = open({ token: 'bad' });
    await until(() => refused.states.includes('refused'));
    const tokens = ['old', 'new'];
    const { states } = open({ token: () => tokens.shift() });
    await until(() => states.includes('open'));
    assert.deepEqual(tokens, []);
  });

  it('says what is wrong with a channel, and keeps the others', async () => {
    const { live } = open();
    const error = await new Promise<{ code: number }>(resolve =>
      live.subscribe('nope', { onError: resolve }, () => {}),
    );
    assert.equal(error.code, 102);
    const it = follow(live, 'device:D1', { snapshot: true });
    assert.throws(() => live.subscribe('device:D1', () => {}), /already/);
    await until(() => {
      if (it.values.length === 0) hub.publish([laser(1)]);
      return it.values.length > 0;
    });
  });

  it('gives up a line that never comes up, and one on which nobody answers, and tries another', async () => {
    const mute = createServer(line => line.on('error', () => {}));
    const lines: Socket[] = [];
    mute.on('connection', line => lines.push(line));
    mute.listen(0, '127.0.0.1');
    await once(mute, 'listening');
    const { port } = mute.address() as AddressInfo;
    class Elsewhere extends WebSocket {
      constructor(url: string) {
        super(lines.length < 1 ? `ws://127.0.0.1:${port}/ws` : url);
      }
    }
    try {
      const { live, states } = open({ timeoutMs: 50, WebSocket: Elsewhere });
      hub.publish([laser(1)]);
      const it = follow(live, 'device:D1', { snapshot: true });
      await until(() => it.values.length === 1);
      assert.deepEqual(states, ['connecting', 'waiting', 'connecting', 'open']);
    } finally {
      for (const line of lines) line.destroy();
      mute.close();
    }
  });

  for (const [what, turns] of [
    ['a subscription', 3],
    ['the end of one', 4],
  ] as const)
    it(`comes to its rows where the server had no time for ${what}`, async () => {
      const { live } = open({ url: `ws://${served.at}/strict` });
      hub.publish([laser(1)]);
      const errors: unknown[] = [];
      const wishes = { snapshot: true, onError: (error: unknown) => errors.push(error) };
      let it = follow(live, 'device:D1', wishes);
      await until(() => it.values.length === 1);
      // Seven commands are taken at once; `connect` and the first subscription were two of them.
      for (let turn = 0; turn < turns; turn++) {
        it.stop();
        it = follow(live, 'device:D1', wishes);
      }
      await until(() => it.values.length === 1);
      assert.deepEqual(errors, []);
    });

  it('goes on where a listener of the page throws, whichever it is', async () => {
    const thrown: unknown[] = [];
    const others = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException').on('uncaughtException', error => thrown.push(error.message));
    const throwing = (what: string) => () => {
      throw new Error(what);
    };
    try {
      const { live } = open({ onState: throwing('state') });
      hub.publish([laser(0)]);
      const values: unknown[] = [];
      live.subscribe('device:D1', { snapshot: true, onGap: throwing('gap') }, row => {
        values.push(row['value_mm']);
        throw new Error('row');
      });
      live.subscribe('nope', { onError: throwing('error') }, () => {});
      await until(() => values.length === 1);
      hub.publish([laser(1), laser(2)]);
      await until(() => values.length === 3);
      hub.breakOff();
      await until(() => values.length === 4);
      served.cut();
      hub.publish([laser(3)]);
      await until(() => values.length === 5);
      assert.deepEqual(values, [0, 1, 2, 2, 3]);
      live.close();
      await until(() => thrown.at(-1) === 'state');
      assert.deepEqual([...new Set(thrown)].sort(), ['error', 'gap', 'row', 'state']);
    } finally {
      process.removeAllListeners('uncaughtException');
      for (const listener of others) process.on('uncaughtException', listener);
    }
  });

  it('says at once what is no address', async () => {
    assert.deepEqual(open({ url: 'nowhere' }).states, ['connecting', 'refused']);
  });

  it('is served to everybody with its types and a page that uses it', async () => {
    for (const [name, type, contains] of [
      ['live.js', 'text/javascript', 'export function connect'],
      ['live.d.ts', 'text/plain', 'export function connect'],
      ['live.html', 'text/html', "from './live.js'"],
      ['', 'text/html', "from './live.js'"],
    ] as const) {
      const answer = await fetch(`http://${served.at}/fieldline/${name}`);
      assert.ok(answer.headers.get('content-type')?.startsWith(type));
      assert.ok((await answer.text()).includes(contains));
    }
    for (const path of ['live.ts', '../hub.ts', '%2e%2e/hub.ts', 'toString'])
      assert.equal((await fetch(`http://${served.at}/fieldline/${path}`)).status, 404, path);
    assert.equal((await fetch(`http://${served.at}/fieldline/live.js`, { method: 'POST' })).status, 405);
  });
});
