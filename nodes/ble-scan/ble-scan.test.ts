// ble-scan in real Node-RED on captures: raw messages, lists, batches, outages, adapters that are not there.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Fault } from '../../src/kernel/fault.ts';
import { isRaw, type Raw } from '../../src/reading/raw.ts';
import { type TestRuntime, testRuntime } from '../../test/support/node-red.ts';
import bleScanNode from './ble-scan.ts';

// A sink of its own for each test: what the scan of the test before still sends comes to another.
let sink = 'k';
const flow = (settings: object) => {
  sink = `${sink}k`;
  return [
    { id: 'n', type: 'fieldline-ble-scan', wires: [[sink]], scanner: 'van', speed: 1000, ...settings },
    { id: sink, type: 'test-sink' },
  ];
};
const jsonOf = (raw: unknown): Record<string, unknown> =>
  JSON.parse(Buffer.from((raw as Raw).bytes).toString()) as Record<string, unknown>;

describe('ble-scan node', () => {
  let runtime: TestRuntime;
  let folder: string;
  let adapter: string;
  before(async () => {
    runtime = await testRuntime();
    runtime.register(bleScanNode);
    folder = mkdtempSync(path.join(tmpdir(), 'fieldline-scan-'));
    const capture = (at: number, address: string): string =>
      JSON.stringify({ kind: 'advert', at, address, rssi: -60, service_data: { fcd2: '4002ca09' } });
    const file = path.join(folder, 'two.jsonl');
    writeFileSync(file, `${capture(0, 'AA:00:00:00:00:01')}\n${capture(1, 'BB:00:00:00:00:02')}\n`);
    adapter = `replay:${file}`;
  });
  // Taken out of the flow, a node leaves its successor nothing.
  afterEach(() => runtime.deploy([]));
  after(() => rmSync(folder, { recursive: true }));

  it('sends each advert as a raw message in the JSON of seed 001', async () => {
    await runtime.deploy(flow({ adapter }));
    const [first, second] = await runtime.until(sink, 2);
    assert.ok(isRaw(first?.payload) && isRaw(second?.payload));
    assert.deepEqual(
      [first.topic, first.payload.topic, first.payload.source, first.payload.signalStrength],
      ['bt-mqtt/raw/van', 'bt-mqtt/raw/van', 'van', -60],
    );
    const { timestamp, ...rest } = jsonOf(first.payload);
    assert.deepEqual(rest, {
      scanner_id: 'van',
      address: 'AA:00:00:00:00:01',
      rssi: -60,
      service_data: { fcd2: '4002ca09' },
    });
    assert.equal(timestamp, new Date(first.payload.receivedAt).toISOString());
    assert.equal(jsonOf(second.payload)['address'], 'BB:00:00:00:00:02');
  });

  it('plays what comes along, under demo names', async () => {
    await runtime.deploy(flow({ adapter: 'replay:builtin', demoPrefix: 'demo-' }));
    const [first] = await runtime.until(sink, 1);
    assert.match(String(jsonOf(first?.payload)['address']), /^demo-[0-9A-F:]{17}$/);
    await runtime.untilStatus('n', /\d+ adverts, \d+ devices/);
  });

  it('sends batches, always as arrays', async () => {
    await runtime.deploy(flow({ adapter, emit: 'batches' }));
    for (const { payload } of await runtime.until(sink, 3)) assert.ok(Array.isArray(payload) && payload.every(isRaw));
  });

  it('plays demo devices only where the demo is on', async () => {
    await runtime.deploy(flow({ adapter: 'demo', demoPrefix: 'demo-' }));
    assert.equal((await runtime.untilStatus('n', /the demo instruments are off/)).fill, 'grey');
    assert.deepEqual(runtime.received(sink), []);
    runtime.settings.services = { demo: {} };
    try {
      await runtime.deploy(flow({ adapter: 'demo', demoPrefix: 'demo-' }));
      assert.match(String(jsonOf((await runtime.until(sink, 1))[0]?.payload)['address']), /^demo-/);
    } finally {
      runtime.settings.services = {};
    }
  });

  const lists: [name: string, settings: object, addresses: string[]][] = [
    ['only', { allow: 'bb:00' }, ['BB:00:00:00:00:02']],
    ['never', { block: 'CC:00, BB' }, ['AA:00:00:00:00:01']],
    ['both, never wins', { allow: 'AA BB', block: 'AA' }, ['BB:00:00:00:00:02']],
  ];
  for (const [name, settings, addresses] of lists)
    it(`lists: ${name}`, async () => {
      await runtime.deploy(flow({ adapter, ...settings }));
      const messages = await runtime.until(sink, 4);
      assert.deepEqual([...new Set(messages.map(({ payload }) => jsonOf(payload)['address']))], addresses);
    });

  it('keeps what the flow cannot take now and sends it again', async () => {
    let away = true;
    const nodes = flow({ adapter });
    runtime.onSink(sink, (_message, _send, done) =>
      done(away ? new Fault('FIELDLINE_DATABASE', 'database is away', { kind: 'outage' }) : undefined),
    );
    await runtime.deploy(nodes);
    assert.equal((await runtime.untilStatus('n', /waiting: database is away/)).fill, 'yellow');
    const lost = jsonOf(runtime.received(sink)[0]?.payload)['timestamp'];
    away = false;
    let seen = runtime.received(sink).length;
    do await runtime.until(sink, ++seen);
    while (jsonOf(runtime.received(sink)[seen - 1]?.payload)['timestamp'] !== lost);
    assert.equal((await runtime.untilStatus('n', /devices$/)).fill, 'green');
  });

  const broken: [name: string, settings: object, text: RegExp][] = [
    ['an adapter', { adapter: 'hci' }, /adapter: expected hci0, tcp:/],
    ['no file', { adapter: 'replay:/no/such/file' }, /captures: ENOENT/],
    [
      'a scanner with a slash',
      { adapter: 'replay:builtin', scanner: 'a/b' },
      /Scanner id: expected a name without blanks/,
    ],
  ];
  for (const [name, settings, text] of broken)
    it(`says what is wrong with ${name}`, async () => {
      await runtime.deploy(flow(settings));
      assert.equal((await runtime.untilStatus('n', text)).fill, 'red');
    });
});
