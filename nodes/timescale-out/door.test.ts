// A server that does not let the node in: the status says what to mend, and the reading that waited is stored.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { openStore } from '../../src/store/store.ts';
import { meterReading, onPlant } from '../../test/support/timescale-out.ts';

describe('timescale-out node: at the door', () => {
  const plant = onPlant();
  const flow = () => [
    { id: 'db', type: 'fieldline-timescale-db', url: plant.server.url },
    { id: 'src', type: 'test-source', wires: [['out']] },
    { id: 'out', type: 'fieldline-timescale-out', store: 'db', wires: [[], []], policy: 'memory' },
  ];
  const query = (sql: string) => plant.store.query<Record<string, string>>(sql);

  /** The server takes up its new rules a moment after it was told. */
  async function letsIn(): Promise<boolean> {
    const visitor = openStore({ url: plant.server.url, connections: 1 });
    return visitor
      .query('SELECT 1')
      .then(
        () => true,
        () => false,
      )
      .finally(() => visitor.close());
  }

  for (const [at, [name, line, says]] of (
    [
      [
        'turns it away',
        'host all all all reject',
        /pg_hba\.conf rejects connection.*pg_hba\.conf of the server refuses/,
      ],
      ['asks for encryption', 'hostssl all all all scram-sha-256', /no encryption; .*add \?sslmode=require to the/],
    ] as const
  ).entries())
    it(`${name}: rows wait until it is let in`, async () => {
      await plant.runtime.deploy(flow());
      assert.deepEqual(await plant.runtime.emit('src', { payload: meterReading(10 * at) }), { ok: true });
      const [found] = await query('SHOW hba_file');
      const file = found!['hba_file']!;
      const rules = readFileSync(file, 'utf8');
      const become = async (text: string) => {
        writeFileSync(file, text);
        await query('SELECT pg_reload_conf()');
      };
      // The connection of the test stays, whatever the rules become.
      await become(`${line}\n`);
      while (await letsIn());
      await query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE pid <> pg_backend_pid() AND application_name = 'fieldline'`);
      const waits = plant.runtime.emit('src', { payload: meterReading(10 * at + 1) });
      try {
        assert.equal((await plant.runtime.untilStatus('out', says)).fill, 'red');
      } finally {
        await become(rules);
      }
      assert.deepEqual(await waits, { ok: true });
      const rows = await query(`SELECT power_kw FROM energy_readings WHERE power_kw = ${10 * at + 1}`);
      assert.equal(rows.length, 1);
    });
});
