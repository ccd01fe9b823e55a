// The replay radio on a clock in the test's hand: order, offsets, loop, speed, prefix, links, and captures that are wrong.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toHex } from '../kernel/bytes.ts';
import { builtinCaptures, type Captures, loadCaptures } from './captures.ts';
import { openRadio } from './open.ts';
import { replayRadio } from './replay.ts';
import { fakeTime } from './time.fixture.ts';

const service = '02a6c0d0-0451-4000-b000-fb3210111989';
const characteristic = '02a6c0d1-0451-4000-b000-fb3210111989';
const captures: Captures = {
  adverts: [
    { kind: 'advert', at: 100, address: 'AA', rssi: -60, service_data: { fcd2: '400009' } },
    { kind: 'advert', at: 300, address: 'BB', name: 'b' },
  ],
  notifications: [
    { kind: 'notification', at: 0, address: 'CC', service, characteristic, hex: '01' },
    { kind: 'notification', at: 1000, address: 'CC', service, characteristic, hex: '02' },
  ],
};

describe('replay radio', () => {
  it('plays adverts in order, at their offsets, again and again', () => {
    const time = fakeTime();
    const heard: [address: string, at: number][] = [];
    const radio = replayRadio({ captures, clock: time, after: time.after });
    const stop = radio.scan(advert => heard.push([advert.address, advert.receivedAt]));
    time.pass(1300);
    assert.deepEqual(heard, [
      ['AA', 100],
      ['BB', 300],
      ['AA', 900],
      ['BB', 1100],
    ]);
    stop();
    time.pass(5000);
    assert.equal(heard.length, 4);
    assert.equal(time.waiting(), 0);
  });

  it('plays faster, under demo names, without the fields of the capture', () => {
    const time = fakeTime();
    const heard: unknown[] = [];
    replayRadio({ captures, speed: 10, prefix: 'demo-', clock: time, after: time.after }).scan(advert =>
      heard.push(advert),
    );
    time.pass(40);
    assert.deepEqual(heard, [
      { address: 'demo-AA', rssi: -60, service_data: { fcd2: '400009' }, receivedAt: 10 },
      { address: 'demo-BB', name: 'b', receivedAt: 30 },
    ]);
  });

  it('notifies who subscribed until the link ends', async () => {
    const time = fakeTime();
    const frames: string[] = [];
    const radio = replayRadio({ captures, prefix: 'demo-', clock: time, after: time.after });
    const link = await radio.connect('demo-cc');
    await link.subscribe(service.toUpperCase(), characteristic, (bytes, at) => frames.push(`${toHex(bytes)}@${at}`));
    await link.write(service, characteristic, Uint8Array.of(1), true);
    time.pass(1600);
    assert.deepEqual(frames, ['01@0', '02@1000', '01@1500']);
    await link.disconnect();
    assert.equal(await link.ended, 'disconnected');
    time.pass(5000);
    assert.equal(frames.length, 3);
    assert.equal(time.waiting(), 0);
    await assert.rejects(
      link.subscribe(service, characteristic, () => {}),
      /the link has ended/,
    );
  });

  it('ends everything when it closes', async () => {
    const time = fakeTime();
    const radio = replayRadio({ captures, clock: time, after: time.after });
    radio.scan(() => {});
    const link = await radio.connect('CC');
    await link.subscribe(service, characteristic, () => {});
    await radio.close();
    assert.equal(await link.ended, 'disconnected');
    assert.equal(time.waiting(), 0);
  });

  it('says what it has where something else is asked for', async () => {
    const radio = replayRadio({ captures });
    await assert.rejects(radio.connect('DD'), /expected a device that was captured \(CC\), got "DD"/);
    const link = await radio.connect('CC');
    await assert.rejects(
      link.subscribe(service, 'x', () => {}),
      /a characteristic that was captured/,
    );
    await assert.rejects(link.read(service, characteristic), /a characteristic with notifications/);
    await radio.close();
  });

  it('is on, and says what it plays', () => {
    const states: unknown[] = [];
    replayRadio({ captures }).onState(state => states.push(state));
    assert.deepEqual(states, [{ state: 'on', reason: 'replay of 2 adverts, 2 notifications' }]);
  });
});

describe('captures', () => {
  it('ship, each with origin and licence', async () => {
    const { adverts, notifications } = await loadCaptures(builtinCaptures);
    assert.ok(adverts.length > 10 && notifications.length > 5);
    for (const file of readdirSync(builtinCaptures).filter(name => name.endsWith('.jsonl')))
      for (const line of readFileSync(join(builtinCaptures, file), 'utf8').trim().split('\n')) {
        const { origin, licence } = JSON.parse(line) as Record<string, unknown>;
        assert.ok(typeof origin === 'string' && typeof licence === 'string', `${file}: ${line}`);
      }
  });

  const wrong: [name: string, text: string, reason: RegExp][] = [
    ['not JSON', '{', /x.jsonl line 1: expected JSON/],
    ['another kind', '\n{"kind":"x"}', /x.jsonl line 2: kind/],
    ['a time below 0', '{"kind":"advert","at":-1,"address":"A"}', /line 1: at/],
    [
      'hex that is none',
      '{"kind":"advert","at":1,"address":"A","service_data":{"fcd2":"zz"}}',
      /line 1: service_data.fcd2: expected hex/,
    ],
    ['nothing', '\n', /expected at least one capture/],
  ];
  for (const [name, text, reason] of wrong)
    it(`are refused: ${name}`, async () => {
      const folder = await mkdtemp(join(tmpdir(), 'fieldline-captures-'));
      try {
        await writeFile(join(folder, 'x.jsonl'), text);
        await assert.rejects(loadCaptures(folder), reason);
        await assert.rejects(openRadio(`replay:${join(folder, 'x.jsonl')}`), reason);
      } finally {
        await rm(folder, { recursive: true });
      }
    });

  const adapters: [adapter: string, reason: RegExp][] = [
    ['hci', /expected hci0, tcp:\/\/host:port, replay:builtin or replay: and a path, got "hci"/],
    ['tcp://127.0.0.1', /expected tcp:\/\/host:port/],
    ['tcp://', /expected tcp:\/\/host:port/],
    ['replay:', /expected replay:builtin/],
    ['replay:/no/such/place', /captures: ENOENT/],
  ];
  for (const [adapter, reason] of adapters)
    it(`adapter ${adapter} says why it does not open`, () => assert.rejects(openRadio(adapter), reason));
});
