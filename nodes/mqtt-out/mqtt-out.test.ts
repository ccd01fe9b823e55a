// mqtt-out in real Node-RED against the embedded broker: done after PUBACK, retained values, an outage on disk, dead letters.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import mqtt, { type MqttClient } from 'mqtt';
import { openDeadLetters } from '../../src/delivery/letters/file.ts';
import { difference, ledgerLines, openAccount } from '../../src/kernel/ledger.ts';
import { openJournal } from '../../src/delivery/journal/journal.ts';
import type { Journal } from '../../src/delivery/journal/contract.ts';
import { type Broker, startBroker } from '../../src/mqtt/broker.ts';
import { type TestRuntime, testRuntime } from '../../test/support/node-red.ts';
import mqttOutNode from './mqtt-out.ts';

const reading = (n: number) => ({
  ...{ deviceId: 'm/1', protocol: 'mqtt', timestamp: '2026-01-03T16:00:00.000Z', telemetry: { power_kw: n } },
  metadata: { receipt: { key: 'k', redelivered: false }, parser: 'energy' },
});
const flow = (settings: object = {}) => [
  { id: 'src', type: 'test-source', wires: [['out']] },
  { id: 'out', type: 'fieldline-mqtt-out', topic: 'v/{deviceId}', ...settings },
];

describe('mqtt-out node', () => {
  let runtime: TestRuntime;
  let folder: string;
  let journal: Journal;
  let broker: Broker | undefined;
  let port = 0;
  const start = async () => {
    broker = await startBroker({ journal, host: '127.0.0.1', port });
    port = broker.port;
  };
  const offer = (services: Record<string, unknown>) => {
    const given = runtime.settings.services as Record<string, unknown>;
    for (const key of ['broker', 'brokerUrl', 'mqttUrl']) delete given[key];
    Object.assign(given, services);
  };
  /** Retained and later messages of the topics, until there are n. */
  async function heard(n: number, filter = 'v/#'): Promise<string[]> {
    const client: MqttClient = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`);
    const seen: string[] = [];
    const enough = new Promise<void>(resolve =>
      client.on('message', (topic, payload) => {
        seen.push(`${topic} ${payload}`);
        if (seen.length === n) resolve();
      }),
    );
    await client.subscribeAsync(filter, { qos: 1 });
    await enough;
    await client.endAsync();
    return seen;
  }
  before(async () => {
    runtime = await testRuntime();
    runtime.register(mqttOutNode);
    folder = await mkdtemp(path.join(os.tmpdir(), 'mqtt-out-'));
    journal = await openJournal(path.join(folder, 'journal.db'));
    await start();
    offer({ mqttUrl: `mqtt://127.0.0.1:${port}` });
  });
  after(async () => {
    await runtime.deploy([]);
    offer({});
    await broker?.close();
    await journal.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('publishes a reading as JSON, without what only matters here, retained on request', async () => {
    await runtime.deploy(flow({ retain: 'yes' }));
    assert.deepEqual(await runtime.emit('src', { payload: reading(1) }), { ok: true });
    const [message] = await heard(1);
    assert.match(message ?? '', /^v\/m_1 \{/);
    assert.deepEqual(JSON.parse((message ?? '').slice('v/m_1 '.length)), {
      ...reading(1),
      metadata: { parser: 'energy' },
    });
    await runtime.untilStatus('out', /rows\/s/);
  });

  it('lets no older value take the place of the latest: it is published, and not retained', async () => {
    await runtime.deploy(flow({ topic: 'latest/{deviceId}', retain: 'yes' }));
    const at = (device: string, minute: number, n: number) => ({
      ...reading(n),
      ...{ deviceId: device, timestamp: `2026-01-03T16:0${minute}:00.000Z` },
    });
    const powers = (lines: string[]) => lines.map(line => Number(/"power_kw":(\d)/.exec(line)?.[1]));
    await runtime.emit('src', { payload: [at('a', 5, 5), at('b', 1, 1), at('a', 3, 3), at('b', 2, 2), at('a', 5, 6)] });
    assert.deepEqual(powers(await heard(2, 'latest/#')).sort(), [2, 6]);
    const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`);
    const live: string[] = [];
    const enough = new Promise<void>(resolve =>
      client.on('message', (_topic, payload, { retain }) => {
        if (!retain && live.push(String(payload)) === 4) resolve();
      }),
    );
    await client.subscribeAsync('latest/#', { qos: 1 });
    await runtime.emit('src', { payload: [at('a', 6, 7), at('b', 3, 8), at('a', 1, 9), at('b', 0, 4)] });
    await enough;
    await client.endAsync();
    assert.deepEqual(powers(live).sort(), [4, 7, 8, 9]);
    assert.deepEqual(powers(await heard(2, 'latest/#')).sort(), [7, 8]);
  });

  it('keeps messages on disk while the broker is away, and publishes them in order', async () => {
    await runtime.deploy(flow({ topic: '', retain: 'yes' }));
    await broker!.close();
    const account = openAccount('mqtt-out-test', 'test');
    for (const n of [2, 3]) {
      const entry = account.enter()!;
      const raw = { topic: `v/${n}`, bytes: Buffer.from(`${n}`), receivedAt: 1, source: 's', protocol: 'mqtt', entry };
      assert.deepEqual(await runtime.emit('src', { payload: raw }), { ok: true });
      account.leave(entry);
    }
    const line = () => ledgerLines().find(({ source }) => source === 'mqtt-out-test')!;
    assert.deepEqual([line().outbox, line().stored], [2, 0]);
    await runtime.untilStatus('out', /^broker away, .*2 on disk .*ECONNREFUSED/);
    await start();
    await runtime.untilStatus('out', /rows\/s$/);
    const seen = await heard(3);
    assert.deepEqual(seen.filter(message => /^v\/\d/.test(message)).sort(), ['v/2 2', 'v/3 3']);
    assert.deepEqual([line().outbox, line().stored, difference(line())], [0, 2, 0]);
  });

  it('publishes what waited on disk with the settings as they are then', async () => {
    await runtime.deploy(flow({ topic: 'later/{deviceId}', retain: 'yes' }));
    await broker!.close();
    assert.deepEqual(await runtime.emit('src', { payload: reading(1) }), { ok: true });
    await runtime.untilStatus('out', /1 on disk/);
    await runtime.deploy(flow({ topic: 'later/{deviceId}', retain: 'no' }));
    await start();
    await runtime.untilStatus('out', /rows\/s$/);
    const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`);
    await client.publishAsync('later/other', 'x', { qos: 1, retain: true });
    await client.endAsync();
    assert.deepEqual(await heard(1, 'later/#'), ['later/other x']);
  });

  it('publishes each member of an array, raw messages as they were received', async () => {
    await runtime.deploy(flow({ topic: '', retain: 'yes' }));
    const raw = { topic: 'v/raw', bytes: Buffer.from('frame'), receivedAt: 1, source: 's', protocol: 'mqtt' };
    assert.deepEqual(await runtime.emit('src', { topic: 'v/text', payload: ['text', raw] }), { ok: true });
    const seen = await heard(5);
    assert.ok(seen.includes('v/text text') && seen.includes('v/raw frame'), String(seen));
  });

  it('publishes distances as measurement messages of seed 000, and leaves out what is none', async () => {
    await runtime.deploy(flow({ form: 'measurement', topic: 'v/a01/{deviceId}', retain: 'yes' }));
    const distance = {
      ...{ deviceId: 'AA:BB:CC:DD:EE:FF', protocol: 'bluetooth', timestamp: '2026-01-03T16:00:00.123Z' },
      telemetry: { value_mm: 2450.5 },
      metadata: {
        rawHex: 'c055',
        sessionId: 's',
        elementType: 'gevel',
        elementId: 'e',
        source: 'bridge',
        mode: 'single',
      },
    };
    const scored = {
      ...distance,
      deviceId: 'b',
      metadata: { anomaly: { score: 0.85, metric: 'value_mm', kind: 'x' } },
    };
    const angle = { ...distance, telemetry: { angle_deg: 5 } };
    assert.deepEqual(await runtime.emit('src', { payload: angle }), { ok: true });
    assert.deepEqual(await runtime.emit('src', { payload: [distance, angle, scored, reading(2), 'text'] }), {
      ok: true,
    });
    const seen = await heard(2, 'v/a01/#');
    const common = { type: 'measurement', value_mm: 2450.5 };
    const timestamp = '2026-01-03T16:00:00.123Z';
    assert.deepEqual(
      seen.map(line => [line.split(' ')[0], JSON.parse(line.slice(line.indexOf(' ') + 1))]),
      [
        [
          'v/a01/AA:BB:CC:DD:EE:FF',
          {
            ...{ ...common, device_id: 'AA:BB:CC:DD:EE:FF', raw_hex: 'c055', session_id: 's', element_type: 'gevel' },
            ...{ element_id: 'e', source: 'bridge', timestamp },
          },
        ],
        ['v/a01/b', { ...common, device_id: 'b', anomaly_score: 0.85, timestamp }],
      ],
    );
  });

  it('keeps what cannot be published as a dead letter', async () => {
    await runtime.deploy(flow({ topic: '' }));
    assert.deepEqual(await runtime.emit('src', { topic: 'no/#', payload: 'x' }), { ok: true });
    await runtime.untilStatus('out', /1 rejected: topic/);
    const file = await openDeadLetters(path.join(runtime.settings.directory!, 'dead-letters', 'out'));
    const { letters } = await file.list();
    await file.close();
    // Another suite of this process may have used a node of the same id.
    const own = letters.filter(({ topic }) => topic === 'no/#');
    assert.deepEqual(
      own.map(({ topic, bytes, attempts }) => [topic, Buffer.from(bytes, 'base64').toString(), attempts]),
      [['no/#', 'x', 1]],
    );
    const circle: Record<string, unknown> = {};
    circle['self'] = circle;
    const settled = await runtime.emit('src', { topic: 'v/x', payload: circle });
    assert.equal(!settled.ok && settled.kind, 'data');
  });

  describe('its dialog', () => {
    beforeEach(() => offer({ mqttUrl: `mqtt://127.0.0.1:${port}` }));
    const ask = async (settings: object, topic: unknown, text: unknown) => {
      const answer = await fetch(`${runtime.url}/fieldline/mqtt-out/test`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ settings, topic, text }),
      });
      return (await answer.json()) as { ok?: boolean; says?: string; error?: string };
    };

    it('publishes one message with settings that are not deployed, retains nothing, and tells when it was acknowledged', async () => {
      await runtime.deploy(flow());
      const seen = heard(2, 'try/#');
      // Whatever is subscribed by then: the second is asked for until both are there.
      const settings = { topic: 'try/{deviceId}', retain: 'yes', broker: '_ADD_' };
      const first = await ask(settings, '', JSON.stringify(reading(7)));
      assert.equal(first.ok, true);
      assert.match(first.says ?? '', /^acknowledged on try\/m_1 in \d+ ms$/);
      let over = false;
      void seen.finally(() => (over = true));
      while (!over) await ask({ topic: '', qos: '0' }, 'try/text', 'hello');
      for (const line of await seen) assert.match(line, /^try\/(m_1 \{.*"power_kw":7|text hello$)/);
      const later = heard(1, '#');
      await ask({ topic: '' }, 'last/one', 'x');
      assert.doesNotMatch((await later).join(), /^try/);
    });

    it('says what is wrong: a topic, a broker that is away, settings, a body', async () => {
      assert.match(
        (await ask({ topic: '' }, 'a/#', 'x')).says ?? '',
        /^refused: topic: expected a topic without wildcards/,
      );
      assert.match((await ask({ topic: '' }, '', 'x')).says ?? '', /^refused: topic/);
      assert.match((await ask({ broker: 'gone' }, 'a', 'x')).error ?? '', /Broker: expected a broker that is deployed/);
      assert.match((await ask({ topic: 'a/+' }, 'a', 'x')).error ?? '', /a topic without \+ and #/);
      assert.match((await ask({}, 'a', 5)).error ?? '', /body: expected/);
      assert.match((await ask({ form: 'measurement' }, 'a', 'x')).says ?? '', /no reading with a distance/);
      offer({ mqttUrl: 'mqtt://127.0.0.1:1' });
      assert.match((await ask({ topic: '' }, 'a', 'x')).says ?? '', /^away: broker 127\.0\.0\.1:1: /);
      offer({});
      assert.match((await ask({ topic: '' }, 'a', 'x')).error ?? '', /no broker/);
    });
  });

  it('says what to do when there is no broker', async () => {
    offer({});
    await runtime.deploy(flow());
    assert.equal((await runtime.untilStatus('out', /no broker/)).fill, 'red');
  });
});
