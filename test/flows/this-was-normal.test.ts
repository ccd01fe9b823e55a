// "This was normal" of what is stored, and taken back: real Node-RED and PostgreSQL, each table and kind of series, the reading as the list of anomalies gives it.
import assert from 'node:assert/strict';
import anomalyNode from '../../nodes/anomaly/anomaly.ts';
import type { Feedback } from '../../nodes/anomaly/feedback.ts';
import telemetryApiNode from '../../nodes/telemetry-api/telemetry-api.ts';
import type { Metadata, Reading } from '../../src/reading/reading.ts';
import { onPlant } from '../support/timescale-out.ts';

type Row = { device_id: string; reading: Reading; anomaly_score: number };

describe('this was normal', () => {
  const plant = onPlant();
  before(() => plant.runtime.register(anomalyNode, telemetryApiNode));
  const flow = () => [
    { id: 'db', type: 'fieldline-timescale-db', url: plant.server.url },
    { id: 'src', type: 'test-source', wires: [['score']] },
    { id: 'score', type: 'fieldline-anomaly', wires: [['out'], ['answers']] },
    { id: 'out', type: 'fieldline-timescale-out', store: 'db', policy: 'memory', wires: [[], []] },
    { id: 'answers', type: 'test-sink' },
    { id: 'ask', type: 'test-source', wires: [['api']] },
    { id: 'api', type: 'fieldline-telemetry-api', store: 'db', what: 'anomalies', http: 'off', wires: [['rows']] },
    { id: 'rows', type: 'test-sink' },
  ];
  const FIRST = 500;
  const SECOND = 800;
  const THIRD = 1100;
  const began = Math.floor(Date.now() / 3_600_000) * 3_600_000 - THIRD * 30_000;
  const wobble = (n: number) => ((n * 7919) % 101) / 101 + ((n * 104_729) % 97) / 97;
  /** A wild value, three times the same, with nothing of the kind between them. */
  const wild = (n: number) => ([FIRST, SECOND, THIRD].includes(n) ? 60 : 2 + wobble(n));
  let count = 0;

  const cases: [what: string, telemetry: (n: number) => Reading['telemetry'], metadata?: Metadata][] = [
    ['a metric with a column', n => ({ power_kw: wild(n) })],
    ['a metric beside the columns of its table', n => ({ power_kw: 2 + wobble(n), frequency: wild(n) })],
    ['a metric with a row of its own', n => ({ humidity: 2 + wobble(n + 9), temperature: wild(n) })],
    [
      'a counter, judged by its rise',
      n => {
        count = n === 0 ? 0 : count + wild(n);
        return { total_energy_kwh: count };
      },
    ],
    ['what a laser meter measures', n => ({ value_mm: wild(n) }), { elementType: 'door' }],
  ];
  for (const [at, [what, telemetry, metadata = {}]] of cases.entries())
    it(`is taken of ${what}, and taken back`, async () => {
      const { runtime } = plant;
      await runtime.deploy(flow());
      const device = `d${at}`;
      const play = async (from: number, to: number): Promise<Reading[]> => {
        const readings = Array.from({ length: to - from }, (_, more): Reading => {
          const timestamp = new Date(began + (from + more) * 30_000).toISOString();
          return {
            deviceId: device,
            protocol: 'mqtt',
            timestamp,
            telemetry: telemetry(from + more),
            metadata: { ...metadata },
          };
        });
        assert.deepEqual(await runtime.emit('src', { payload: readings }), { ok: true });
        return readings;
      };
      const listed = async () => {
        await runtime.emit('ask', {});
        const rows = runtime.received('rows').at(-1)?.payload as Row[];
        return rows.filter(row => row.device_id === device);
      };
      await play(0, FIRST + 1);
      const before = await listed();
      assert.equal(before.length, 1);
      const { reading } = before[0]!;
      await runtime.emit('src', { payload: reading, feedback: 'normal' });
      const [answer] = runtime.received('answers');
      assert.equal((answer!.payload as Feedback).accepted, 1);
      const later = await play(FIRST + 1, SECOND + 1);
      assert.equal(later.at(-1)?.metadata.anomaly?.kind, 'normal');
      const stored = ({ anomaly_score, reading: { timestamp } }: Row) => ({ anomaly_score, timestamp });
      assert.deepEqual((await listed()).map(stored), before.map(stored), 'what is stored keeps its score');
      await runtime.emit('src', { payload: reading, feedback: 'undo' });
      assert.equal((runtime.received('answers').at(-1)!.payload as Feedback).retracted, 1);
      const last = await play(SECOND + 1, THIRD + 1);
      assert.ok(last.at(-1)!.metadata.anomaly!.score < 0);
    });
});
