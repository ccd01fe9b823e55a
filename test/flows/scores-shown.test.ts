// What the dashboard draws of a series is what was said of it when it came, and else what the deployed anomaly node would say.
import assert from 'node:assert/strict';
import anomalyNode from '../../nodes/anomaly/anomaly.ts';
import type { ScorePoint } from '../../nodes/telemetry-api/scores.ts';
import telemetryApiNode from '../../nodes/telemetry-api/telemetry-api.ts';
import type { Reading } from '../../src/reading/reading.ts';
import { onPlant } from '../support/timescale-out.ts';

describe('scores as they are shown', () => {
  const plant = onPlant();
  before(() => plant.runtime.register(anomalyNode, telemetryApiNode));
  const score = { id: 'score', type: 'fieldline-anomaly', series: 'key', key: 'payload.metadata.site', keyType: 'msg' };
  const flow = (node?: object) => [
    { id: 'db', type: 'fieldline-timescale-db', url: plant.server.url },
    { id: 'src', type: 'test-source', wires: [['score']] },
    ...(node === undefined ? [] : [{ ...score, ...node, wires: [['out'], []] }]),
    { id: 'out', type: 'fieldline-timescale-out', store: 'db', policy: 'memory', wires: [[], []] },
    { id: 'ask', type: 'test-source', wires: [['api']] },
    {
      id: 'api',
      type: 'fieldline-telemetry-api',
      store: 'db',
      what: 'scores',
      points: 100,
      http: 'off',
      wires: [['rows']],
    },
    { id: 'rows', type: 'test-sink' },
  ];
  const COUNT = 300;
  const began = Math.floor(Date.now() / 3_600_000) * 3_600_000 - COUNT * 60_000;
  const wobble = (n: number) => ((n * 7919) % 101) / 101 + ((n * 104_729) % 97) / 97;
  /** Both metrics leap at the last time, humidity farther. */
  const reading = (n: number): Reading => ({
    ...{ deviceId: 'hall', protocol: 'mqtt', timestamp: new Date(began + n * 60_000).toISOString() },
    telemetry: {
      temperature: 20 + wobble(n) + (n === COUNT - 1 ? 20 : 0),
      humidity: 50 + wobble(n + 40) + (n === COUNT - 1 ? 200 : 0),
    },
    metadata: { site: 'north' },
  });
  const lastOf = async (metric: string) => {
    await plant.runtime.emit('ask', { query: { device: 'hall', metric } });
    const points = plant.runtime.received('rows').at(-1)?.payload as ScorePoint[];
    return Object.fromEntries(points.filter(({ x }) => x === points.at(-1)!.x).map(({ line, y }) => [line, y]));
  };

  it('are those that were said, and of other metrics those that the deployed node would give, however it is set', async () => {
    const { runtime } = plant;
    await runtime.deploy(flow({ direction: 'down', nearUnits: 30 }));
    const readings = Array.from({ length: COUNT }, (_, n) => reading(n));
    assert.deepEqual(await runtime.emit('src', { payload: readings }), { ok: true });
    const told = readings.at(-1)!.metadata.anomaly!;
    const other = told.metric === 'humidity' ? 'temperature' : 'humidity';
    assert.ok(told.score >= 0);
    const rounded = (value: number) => Number(value.toPrecision(6));
    const said = await lastOf(told.metric);
    // Of values that are only asked to be not too low none is too high.
    assert.deepEqual(
      [said['score'], said['low'], said['high']],
      [rounded(told.score), rounded(told.band![0]), undefined],
    );
    const asSet = await lastOf(other);
    const expected = other === 'humidity' ? 51 : 21;
    assert.ok(
      asSet['score']! >= 0 && asSet['low']! < expected - 29 && asSet['high'] === undefined,
      JSON.stringify(asSet),
    );

    await runtime.deploy(flow());
    assert.deepEqual(await lastOf(told.metric), said, 'what was said stands');
    const usual = await lastOf(other);
    assert.ok(usual['score']! < 0 && usual['high']! - usual['low']! < 20, JSON.stringify(usual));
  });
});
