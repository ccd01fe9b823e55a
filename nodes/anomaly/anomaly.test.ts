// anomaly in real Node-RED: singles and batches in place, keys of series, retries.
import assert from 'node:assert/strict';
import type { Anomaly, Reading } from '../../src/reading/reading.ts';
import { type TestRuntime, testRuntime } from '../../test/support/node-red.ts';
import anomalyNode from './anomaly.ts';

const reading = (at: number, deviceId = 'm', value = Math.sin(at * 12.9898)): Reading => ({
  deviceId,
  protocol: 'mqtt',
  timestamp: new Date(Date.UTC(2026, 0, 5) + at * 60_000).toISOString(),
  telemetry: { power_kw: value },
  metadata: { digest: `${deviceId}${at}` },
});
const flow = (settings: object = {}) => [
  { id: 's', type: 'test-source', wires: [['a']] },
  { id: 'a', type: 'fieldline-anomaly', wires: [['k'], ['answers']], ...settings },
  { id: 'k', type: 'test-sink' },
  { id: 'answers', type: 'test-sink' },
];

describe('anomaly node', () => {
  let runtime: TestRuntime;
  before(async () => {
    runtime = await testRuntime();
    runtime.register(anomalyNode);
  });

  const last = (): Reading[] => {
    const payload = runtime.received('k').at(-1)?.payload;
    return (Array.isArray(payload) ? payload : [payload]) as Reading[];
  };
  const send = async (...readings: Reading[]): Promise<(Anomaly | undefined)[]> => {
    assert.deepEqual(await runtime.emit('s', { payload: readings }), { ok: true });
    return last().map(({ metadata }) => metadata.anomaly);
  };
  const history = (length: number) => Array.from({ length }, (_, at) => reading(at));

  it('scores a single reading', async () => {
    await runtime.deploy(flow());
    await runtime.emit('s', { payload: reading(0) });
    assert.deepEqual(last()[0]?.metadata.anomaly, { score: 1, kind: 'learning', metric: 'power_kw' });
  });

  it('scores a batch in place, finds the spike and counts it', async () => {
    await runtime.deploy(flow());
    const scores = await send(...history(200), reading(200, 'm', 30), reading(201));
    assert.ok((scores[200]?.score ?? 1) < 0);
    assert.ok((scores[199]?.score ?? -1) > 0.5);
    assert.equal((await runtime.untilStatus('a', /202 scored/)).text, '1 series, 202 scored, 1 anomaly');
  });

  it('gives a retried reading the same score', async () => {
    await runtime.deploy(flow());
    await send(...history(200));
    const spike = reading(200, 'm', 30);
    const first = await send(spike);
    assert.deepEqual(await send(spike), first);
  });

  const keys: [name: string, settings: object, text: RegExp][] = [
    ['by device', { series: 'device' }, /^2 series/],
    ['by a key', { series: 'key', key: 'payload.protocol', keyType: 'msg' }, /^1 series/],
    ['by a key that is missing: by device', { series: 'key', key: 'payload.nothing', keyType: 'msg' }, /^2 series/],
    [
      'by one below what is missing',
      { series: 'key', key: 'payload.metadata.extra.site', keyType: 'msg' },
      /^2 series/,
    ],
  ];
  for (const [name, settings, text] of keys)
    it(`tells series apart ${name}`, async () => {
      await runtime.deploy(flow(settings));
      await send(reading(0, 'm'), reading(1, 'n'));
      assert.match((await runtime.untilStatus('a', /2 scored/)).text ?? '', text);
    });

  it('passes what is no reading', async () => {
    await runtime.deploy(flow());
    for (const payload of ['text', undefined, { a: 1 }, [7]]) {
      await runtime.emit('s', { payload });
      assert.deepEqual(runtime.received('k').at(-1)?.payload, payload);
    }
  });

  it('goes on after a deploy as if there had been none', async () => {
    const spike = () => reading(200, 'm', 30);
    await runtime.deploy(flow({ series: 'device', name: 'one' }));
    await send(...history(200));
    const [whole] = await send({ ...spike(), metadata: { digest: 'first' } });
    await runtime.deploy(flow({ series: 'key', key: 'payload.deviceId', keyType: 'msg' }));
    await send(...history(200));
    await runtime.deploy(flow({ series: 'key', key: 'payload.deviceId', keyType: 'msg', maxSeries: 9 }));
    const [restored] = await send(spike());
    assert.ok((whole?.score ?? 1) < 0 && (restored?.score ?? 1) < 0, 'found without learning again');
    assert.equal(restored?.score, whole?.score);
  });

  it('keeps an alarm over a deploy, and ends it after as many normal values as are set', async () => {
    const settings = { series: 'key', key: 'payload.metadata.alarms', keyType: 'msg' };
    await runtime.deploy(flow({ ...settings, alarmNormal: 20 }));
    const [spike] = (await send(...history(200), reading(200, 'm', 30))).slice(-1);
    assert.ok(spike?.severity !== undefined);
    const alarm = { metric: 'power_kw', severity: spike.severity, kind: spike.kind, since: reading(200).timestamp };
    assert.deepEqual(spike.alarms, [alarm]);
    await runtime.deploy(flow({ ...settings, alarmNormal: 20, maxSeries: 9 }));
    const later = await send(...Array.from({ length: 60 }, (_, at) => reading(201 + at)));
    assert.deepEqual(later[0]?.alarms, [alarm]);
    const end = later.findIndex(told => told?.alarms === undefined);
    assert.ok(end >= 19 && end < 40, `ended after ${end} values`);
    assert.ok(later.slice(end).every(told => told?.alarms === undefined));
  });

  it('begins no alarm below the severity that is set', async () => {
    await runtime.deploy(flow({ series: 'key', key: 'payload.metadata.grave', keyType: 'msg', alarmFrom: 'critical' }));
    const told = await send(...history(200), reading(200, 'm', 3.2), reading(201), reading(202, 'm', 3000));
    assert.ok(told[200]?.severity !== undefined && told[200].alarms === undefined, JSON.stringify(told[200]));
    assert.equal(told[202]?.alarms?.[0]?.severity, 'critical');
  });

  it('neither judges nor learns while the guard is true', async () => {
    await runtime.deploy(flow({ series: 'key', key: 'payload.metadata.guarded', keyType: 'msg' }));
    await send(...history(200));
    const guarded = await runtime.emit('s', { payload: reading(200, 'm', 30), guard: true });
    assert.deepEqual(guarded, { ok: true });
    assert.deepEqual(last()[0]?.metadata.anomaly, { score: 1, kind: 'guarded', metric: 'power_kw' });
    assert.equal((await runtime.untilStatus('a', /guarded$/)).fill, 'yellow');
    await send(reading(201));
    assert.equal((await runtime.untilStatus('a', /202 scored, 0 anomalies$/)).fill, 'green');
  });

  it('says what cannot be evaluated', async () => {
    await runtime.deploy(flow({ guard: 'maintenance[', guardType: 'msg' }));
    const settled = await runtime.emit('s', { payload: reading(0) });
    assert.match(settled.ok ? '' : settled.reason, /^key or guard: Invalid property expression/);
  });

  it('takes "this was normal" and sends it on to nobody', async () => {
    await runtime.deploy(flow({ series: 'key', key: 'payload.metadata.accepted', keyType: 'msg' }));
    await send(...history(200));
    await send(reading(200, 'm', 30));
    const [told] = last();
    const before = runtime.received('k').length;
    await runtime.emit('s', { payload: told, feedback: 'normal' });
    assert.equal(runtime.received('k').length, before);
    const later = Array.from({ length: 900 }, (_, at) => reading(201 + at));
    const scores = await send(...later, reading(1101, 'm', 30));
    assert.ok((scores.at(-1)?.score ?? -1) >= 0);
  });

  for (const key of ['topic', 'payload.metadata.scannerId'])
    it(`finds the series of a stored reading by what was said of it, where the key is ${key}`, async () => {
      await runtime.deploy(flow({ series: 'key', key, keyType: 'msg' }));
      const emit = (one: Reading) =>
        runtime.emit('s', { topic: 'north', payload: { ...one, metadata: { ...one.metadata, scannerId: 'gate' } } });
      for (const one of history(200)) await emit(one);
      const spike = reading(200, 'm', 30);
      await emit(spike);
      const metadata = { anomaly: last()[0]!.metadata.anomaly };
      await runtime.emit('s', { payload: { ...spike, metadata }, feedback: 'normal', topic: 'dashboard' });
      assert.match(JSON.stringify(runtime.received('answers').at(-1)?.payload), /"accepted":1,/);
      for (let at = 201; at < 1101; at++) await emit(reading(at));
      await emit(reading(1101, 'm', 30));
      assert.ok((last()[0]?.metadata.anomaly?.score ?? -1) >= 0);
    });

  it('answers what became of "this was normal", and of what it knows no series', async () => {
    await runtime.deploy(flow({ series: 'key', key: 'payload.metadata.answered', keyType: 'msg' }));
    await send(...history(200));
    const spike = reading(200, 'm', 30);
    await send(spike);
    const unknown = 'feedback: expected a reading of a series that this node has scored, got ';
    const counted = 'It can be taken back; a series keeps the last 8 it was told.';
    const taken = `m, power_kw, 30: normal. The next like it is no anomaly; what is stored keeps its score. ${counted}`;
    const elsewhere = { ...spike, deviceId: 'n' };
    const told: [payload: unknown, answer: { accepted: number; says: string }][] = [
      [spike, { accepted: 1, says: taken }],
      [elsewhere, { accepted: 0, says: `${unknown}"n, power_kw, 30"` }],
      [[spike, spike, 7], { accepted: 2, says: `${taken.replace(': ', ' and 1 more: ')} ${unknown}7` }],
      [
        { ...spike, telemetry: {} },
        { accepted: 0, says: `${unknown}"m, power_kw"` },
      ],
      [
        { ...spike, telemetry: { power_kw: 'much' } },
        { accepted: 0, says: `${unknown}"m, power_kw, much"` },
      ],
      [[], { accepted: 0, says: `${unknown}nothing` }],
      ['m', { accepted: 0, says: `${unknown}"m"` }],
    ];
    for (const [payload, answer] of told) {
      assert.deepEqual(await runtime.emit('s', { payload, feedback: 'normal' }), { ok: true });
      assert.deepEqual(runtime.received('answers').at(-1)?.payload, answer);
    }
  });

  it('answers for all metrics that were reported with a value', async () => {
    await runtime.deploy(flow({ series: 'key', key: 'payload.metadata.both', keyType: 'msg' }));
    const both = (one: Reading): Reading => ({
      ...one,
      telemetry: { ...one.telemetry, amps: 3 * Number(one.telemetry['power_kw']) },
    });
    await send(...history(200).map(both));
    const spike = both(reading(200, 'm', 30));
    await send(spike);
    const { metric = '', also = [] } = last()[0]!.metadata.anomaly!;
    const stored = { ...last()[0]!, telemetry: { [metric]: spike.telemetry[metric] } };
    for (const [feedback, answer] of [
      ['normal', /^\{"accepted":2,"says":"m, \w+, \d+ and with it \w+: normal\. /],
      ['undo', /^\{"retracted":2,"says":"m, \w+, \d+ and with it \w+: no longer normal\. /],
    ] as const) {
      assert.deepEqual(await runtime.emit('s', { payload: stored, feedback }), { ok: true });
      assert.match(JSON.stringify(runtime.received('answers').at(-1)?.payload), answer);
    }
    assert.equal(also.length, 1);
  });

  it('takes that back, so that the next like it is an anomaly again, and answers', async () => {
    await runtime.deploy(flow({ series: 'key', key: 'payload.metadata.retracted', keyType: 'msg' }));
    await send(...history(200));
    const spike = reading(200, 'm', 30);
    await send(spike);
    const say = async (feedback: string) => {
      assert.deepEqual(await runtime.emit('s', { payload: spike, feedback }), { ok: true });
      return runtime.received('answers').at(-1)?.payload;
    };
    const nothing = {
      retracted: 0,
      says: 'feedback: expected a reading that was said to be normal, got "m, power_kw, 30"',
    };
    assert.deepEqual(await say('undo'), nothing);
    await say('normal');
    assert.deepEqual(await say('undo'), {
      retracted: 1,
      says: 'm, power_kw, 30: no longer normal. The next like it is judged as if nobody had said so; what is stored keeps its score.',
    });
    assert.deepEqual(await say('undo'), nothing);
    const later = Array.from({ length: 900 }, (_, at) => reading(201 + at));
    const scores = await send(...later, reading(1101, 'm', 30));
    assert.ok((scores.at(-1)?.score ?? 1) < 0);
  });
});
