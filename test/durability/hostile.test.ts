// Hostile MQTT payloads between good ones: the good ones are stored, the bad ones counted, and nothing stalls or dies.
import assert from 'node:assert/strict';
import { openScene, type Scene } from '../../bench/durability/scene.ts';
import { startLoad } from '../../bench/load.ts';
import { openConnection } from '../../bench/mqtt-connection.ts';
import { verdict } from '../../bench/rows.ts';
import { postgresHere } from '../support/postgres.ts';
import { watchStatus } from './node-status.ts';

const energy = (fields: string) => `{"timestamp":"2026-01-02T03:04:05.678Z",${fields}}`;
const deep = (open: string, close: string, levels: number) => open.repeat(levels) + close.repeat(levels);

/** No reading can be made of these. */
const refused: Readonly<Record<string, string | Buffer>> = {
  'not JSON': 'hello',
  empty: '',
  'every byte': Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)),
  'broken UTF-8': Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]),
  'cut short': energy('"total_energy_kwh":1').slice(0, -5),
  'two documents': `${energy('"total_energy_kwh":1')} ${energy('"total_energy_kwh":2')}`,
  'deep arrays': deep('[', ']', 100_000),
  'deep objects': `${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`,
  'a number': '42',
  'a text': '"text"',
  null: 'null',
  '1 MB': energy(`"total_energy_kwh":1,"note":"${'x'.repeat(1_000_000)}"`),
  '1 MB of digits': energy(`"total_energy_kwh":${'9'.repeat(1_000_000)}`),
};

/** Readings, with something wrong in them. */
const odd: Readonly<Record<string, string>> = {
  NaN: energy('"total_energy_kwh":NaN,"power_kw":1'),
  Infinity: energy('"total_energy_kwh":-Infinity,"power_kw":1'),
  'beyond a double': energy('"total_energy_kwh":1e999,"power_kw":1'),
  'texts for numbers': energy('"total_energy_kwh":"12,5","power_kw":"1"'),
  'objects for numbers': energy('"total_energy_kwh":{"a":1},"power_kw":2,"voltage":[230]'),
  'time that is none': '{"timestamp":"yesterday","total_energy_kwh":1}',
  'time in 1601': '{"timestamp":"1601-01-01T00:00:00.000Z","total_energy_kwh":1}',
  'time in 9999': '{"timestamp":"9999-12-31T23:59:59.999Z","total_energy_kwh":1}',
  'time as an object': '{"timestamp":{"toString":1},"total_energy_kwh":1}',
  'no time': '{"total_energy_kwh":1}',
  NUL: energy('"total_energy_kwh":1,"note":"a\\u0000b","\\u0000":"\\u0000"'),
  'half a surrogate pair': energy('"total_energy_kwh":1,"note":"\\ud800"'),
  'names of prototypes': energy('"total_energy_kwh":1,"__proto__":{"power_kw":9},"constructor":{"prototype":1}'),
  'the smallest double': energy('"total_energy_kwh":5e-324,"power_kw":-1.7976931348623157e308'),
  '5,000 fields': energy(`"total_energy_kwh":1,${Array.from({ length: 5000 }, (_, n) => `"f${n}":${n}`).join()}`),
};

describe('hostile MQTT payloads', () => {
  let scene: Scene;
  before(async function () {
    postgresHere(this);
    scene = await openScene('plain');
  });
  after(() => scene?.close());

  it('stores every good message between them, and counts what it refuses under the node', async () => {
    const { gateway, rows } = scene;
    const { pid } = gateway;
    const status = await watchStatus(gateway.url);
    const load = startLoad({ url: gateway.mqtt, rate: 500, range: { prefix: 'good' } });
    const hostile = openConnection({ url: gateway.mqtt, clientId: 'hostile', window: 1 });
    const payloads = Object.entries({ ...refused, ...odd });
    for (const [n, [name, payload]] of payloads.entries()) {
      await load.acknowledged(100 * (n + 1));
      await new Promise<void>((resolve, reject) => {
        const limit = setTimeout(() => reject(new Error(`"${name}" is not acknowledged`)), 60_000);
        hostile.publish(`homelab/energy/hostile-${n}`, Buffer.from(payload), () => {
          clearTimeout(limit);
          resolve();
        });
      });
    }
    assert.equal(hostile.reconnects, 0, 'the broker has kept the connection');
    hostile.close();
    const { range, unacknowledged } = await load.finish();
    assert.deepEqual(unacknowledged, []);
    assert.equal(verdict(await rows.settled(range)), '0 lost, 0 duplicate');

    const normalize = (await gateway.flows()).find(node => node.type === 'fieldline-normalize');
    const text = await status.matching(normalize!.id, new RegExp(`\\b${Object.keys(refused).length} rejected`));
    status.close();
    assert.match(text, /rejected: \S/, 'with a reason');

    const [archived] = await rows.query<{ n: string }>(
      "SELECT count(*) AS n FROM raw_advertisements WHERE topic LIKE 'homelab/energy/hostile-%'",
    );
    assert.equal(Number(archived!.n), payloads.length, 'every raw message is in the archive');
    const readings = await rows.query<{ device_id: string; bad: boolean }>(
      `SELECT device_id, bool_or(v IN ('NaN', 'Infinity', '-Infinity')) AS bad
       FROM energy_readings, unnest(ARRAY[total_energy_kwh, power_kw, voltage, current]) AS v
       WHERE device_id LIKE 'hostile-%' GROUP BY device_id`,
    );
    const expected = Object.keys(odd).map((_, n) => `hostile-${n + Object.keys(refused).length}`);
    assert.deepEqual(readings.map(row => row.device_id).sort(), expected.sort(), 'every odd reading is a row');
    assert.deepEqual(
      readings.filter(row => row.bad),
      [],
    );
    assert.equal(gateway.pid, pid);
    assert.ok(gateway.running);
    assert.equal((await gateway.health()).status, 200);
  });
});
