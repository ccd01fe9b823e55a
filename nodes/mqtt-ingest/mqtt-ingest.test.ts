// mqtt-ingest in real Node-RED: from the embedded broker's journal, over the wire of a stock broker node, and without any.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import mqtt, { type MqttClient } from 'mqtt';
import { openJournal } from '../../src/delivery/journal/journal.ts';
import type { Journal } from '../../src/delivery/journal/contract.ts';
import { openDeadLetters } from '../../src/delivery/letters/file.ts';
import { Fault } from '../../src/kernel/fault.ts';
import { type Broker, startBroker } from '../../src/mqtt/broker.ts';
import type { Message } from '../../src/palette/define.ts';
import type { Raw } from '../../src/reading/raw.ts';
import { type TestRuntime, testRuntime } from '../../test/support/node-red.ts';
import mqttIngestNode from './mqtt-ingest.ts';

const flow = (settings: object = {}) => [
  {
    id: 'n',
    type: 'fieldline-mqtt-ingest',
    topics: [{ filter: 'a/#', qos: '1' }],
    emit: 'each',
    wires: [['k']],
    ...settings,
  },
  { id: 'k', type: 'test-sink' },
];
const rawOf = (message: Message): Raw => message.payload as Raw;
const textOf = (raw: Raw): string => Buffer.from(raw.bytes).toString();

describe('mqtt-ingest node', () => {
  let runtime: TestRuntime;
  let folder: string;
  let journal: Journal;
  let broker: Broker;
  let client: MqttClient;
  const say = (topic: string, payload: string) => client.publishAsync(topic, payload, { qos: 1 });
  const offer = (services: Record<string, unknown>) => {
    const given = runtime.settings.services as Record<string, unknown>;
    for (const key of ['broker', 'mqttUrl']) delete given[key];
    Object.assign(given, services);
  };

  before(async () => {
    runtime = await testRuntime();
    runtime.register(mqttIngestNode);
    folder = await mkdtemp(path.join(os.tmpdir(), 'ingest-'));
    journal = await openJournal(path.join(folder, 'journal.db'));
    broker = await startBroker({
      journal,
      host: '127.0.0.1',
      port: 0,
      authenticate: (username, password) => username === 'u' && password?.toString() === 'p',
    });
    client = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker.port}`, { username: 'u', password: 'p' });
  });
  after(async () => {
    await runtime.deploy([]);
    offer({});
    await client.endAsync();
    await broker.close();
    await journal.close();
    await rm(folder, { recursive: true, force: true });
  });
  const drained = async (): Promise<void> => {
    while (journal.state().entries > 0) await journal.note('look', 'again');
  };

  it('says what to do when there is no broker', async () => {
    offer({});
    await runtime.deploy(flow());
    const { fill, text } = await runtime.untilStatus('n', /no broker/);
    assert.equal(fill, 'red');
    assert.match(text ?? '', /choose one, set MQTT_URL/);
  });

  it('takes messages from the embedded broker and acknowledges what was stored', async () => {
    offer({ broker });
    await runtime.deploy(flow({ source: 'house' }));
    await runtime.untilStatus('n', /^journal: .* open, no message yet/);
    await say('a/1', 'one');
    const [message] = await runtime.until('k', 1);
    assert.equal(message?.topic, 'a/1');
    const raw = rawOf(message!);
    assert.deepEqual([textOf(raw), raw.topic, raw.source, raw.protocol], ['one', 'a/1', 'house', 'mqtt']);
    await drained();
  });

  it('sends a batch as an array', async () => {
    await runtime.deploy(flow({ emit: 'batches' }));
    await runtime.untilStatus('n', /^journal/);
    await Promise.all(['1', '2', '3'].map(text => say('a/1', text)));
    const seen = (): string[] => runtime.received('k').flatMap(({ payload }) => (payload as Raw[]).map(textOf));
    for (let count = 1; seen().length < 3; count++) await runtime.until('k', count);
    assert.deepEqual(seen(), ['1', '2', '3']);
    await drained();
  });

  it('keeps what comes during a deploy, and what had not settled', async () => {
    const held: Message[] = [];
    await runtime.deploy(flow());
    await runtime.untilStatus('n', /^journal/);
    runtime.onSink('k', message => held.push(message));
    await say('a/1', 'open');
    await runtime.until('k', 1);
    const deployed = runtime.deploy(flow({ window: 10 }));
    await say('a/1', 'during');
    await deployed;
    runtime.onSink('k', (_message, _send, done) => done());
    const texts = () => runtime.received('k').map(message => textOf(rawOf(message)));
    while (!['open', 'during'].every(text => texts().includes(text)))
      await runtime.until('k', runtime.received('k').length + 1);
    const again = runtime
      .received('k')
      .map(rawOf)
      .find(raw => textOf(raw) === 'open');
    assert.equal(again?.receivedAt, rawOf(held[0]!).receivedAt, 'with the same time of receipt');
    await drained();
  });

  it('makes a dead letter of what is refused three times, and goes on', async () => {
    await runtime.deploy(flow());
    await runtime.untilStatus('n', /^journal/);
    runtime.onSink('k', (message, _send, done) =>
      done(textOf(rawOf(message)) === 'bad' ? new Fault('FIELDLINE_ROW', 'refused by the test') : undefined),
    );
    await say('a/1', 'bad');
    await say('a/1', 'good');
    await drained();
    runtime.onSink('k', (_message, _send, done) => done());
    assert.equal(runtime.received('k').filter(message => textOf(rawOf(message)) === 'bad').length, 3);
    const file = await openDeadLetters(path.join(runtime.settings.directory!, 'dead-letters', 'n'));
    const { letters } = await file.list();
    assert.deepEqual(
      letters.map(({ topic, attempts, bytes }) => [topic, attempts, Buffer.from(bytes, 'base64').toString()]),
      [['a/1', 3, 'bad']],
    );
    assert.match(letters[0]!.reason, /refused by the test/);
  });

  // Without a place on the canvas: that is what makes it a config node.
  const stock = (credentials: object) => ({
    ...{ x: undefined, y: undefined, z: undefined },
    ...{ id: 'b', type: 'mqtt-broker', name: '', broker: '127.0.0.1', port: String(broker.port), autoConnect: false },
    ...{ usetls: false, protocolVersion: '4', keepalive: '60', cleansession: true, credentials },
  });

  it('takes no other broker when the chosen one is missing', async () => {
    await runtime.deploy(flow({ broker: 'gone' }));
    const { fill } = await runtime.untilStatus('n', /a config node that is enabled, got "gone"/);
    assert.equal(fill, 'red');
  });

  it('takes address and credentials from a stock broker node, over a connection of its own', async () => {
    await runtime.deploy([...flow({ broker: 'b' }), stock({ user: 'u', password: 'p' })]);
    await runtime.untilStatus('n', /^MQTT 3\.1\.1/);
    await say('a/2', 'wired');
    const [message] = await runtime.until('k', 1);
    const raw = rawOf(message!);
    assert.deepEqual([textOf(raw), raw.source], ['wired', 'mqtt-ingest']);
    assert.match(raw.receipt?.key ?? '', /^fl-[0-9a-f]{6}-[0-9a-f]{12}:\d+:[0-9a-f]{32}$/);
  });

  it('says why the broker refuses it', async () => {
    await runtime.deploy([...flow({ broker: 'b' }), stock({ user: 'u', password: 'wrong' })]);
    const { fill } = await runtime.untilStatus('n', /not authorized/);
    assert.equal(fill, 'red');
  });

  it('uses MQTT_URL where the gateway has no broker of its own', async () => {
    offer({ mqttUrl: `mqtt://u:p@127.0.0.1:${broker.port}` });
    await runtime.deploy(flow({ clientId: 'by-url' }));
    await runtime.untilStatus('n', /^MQTT 3\.1\.1/);
    await say('a/3', 'by url');
    assert.equal(textOf(rawOf((await runtime.until('k', 1))[0]!)), 'by url');
  });

  it('refuses a wrong topic filter with the reason', async () => {
    await runtime.deploy(flow({ topics: [{ filter: 'a/#/b', qos: '1' }] }));
    const { fill, text } = await runtime.untilStatus('n', /topic filter/);
    assert.equal(fill, 'red');
    assert.match(text ?? '', /# stands alone/);
  });
});
