// timescale-out with a table of the operator's own: through outage and outbox, a table that goes away, and what the dialog asks.
import assert from 'node:assert/strict';
import type { Reading } from '../../src/reading/reading.ts';
import type { Preview, TableCard } from '../../src/sinks/own/preview.ts';
import { meterReading, onPlant } from '../../test/support/timescale-out.ts';
import type { Watch } from './watch.ts';

const reading = (n: number, power: Reading['telemetry'][string] = n) => meterReading(n, { power_kw: power });
const columns = [
  { column: 'device_id', from: 'deviceId' },
  { column: 'time', from: 'timestamp' },
  { column: 'power', from: 'telemetry.power_kw' },
];
const CREATE = 'CREATE TABLE plant.power (device_id text, time timestamptz, power int, PRIMARY KEY (device_id, time))';

describe('timescale-out node with a table of your own', () => {
  const plant = onPlant();
  before(async () => {
    await plant.store.query('CREATE SCHEMA plant');
    await plant.store.query(CREATE);
  });
  const flow = (settings: object = {}) => [
    { id: 'db', type: 'fieldline-timescale-db', url: plant.server.url },
    { id: 'src', type: 'test-source', wires: [['own']] },
    {
      ...{ id: 'own', type: 'fieldline-timescale-out', store: 'db', wires: [['k'], ['r']], policy: 'memory' },
      ...{ table: 'own', ownTable: 'plant.power', columns, key: 'device_id, time', conflict: 'skip' },
      ...settings,
    },
    { id: 'k', type: 'test-sink' },
    { id: 'r', type: 'test-sink' },
  ];
  const held = async () =>
    (await plant.store.query<{ power: number }>('SELECT power FROM plant.power ORDER BY time')).map(
      ({ power }) => power,
    );

  it('stores each reading once, passes on what is new, and keeps what the table refuses', async () => {
    await plant.runtime.deploy(flow());
    assert.deepEqual(
      await plant.runtime.emit('src', { topic: 't', payload: [reading(1), reading(2, 2.5), 'no reading'] }),
      {
        ok: true,
      },
    );
    assert.deepEqual(await plant.runtime.emit('src', { payload: reading(1) }), { ok: true });
    assert.deepEqual(await held(), [1]);
    assert.deepEqual(
      plant.runtime.received('k').map(({ payload }) => payload),
      [[reading(1)]],
    );
    const [fraction, text] = plant.runtime.received('r')[0]!.payload as [Reading, string];
    assert.match(
      String(fraction.metadata['rejected']),
      /column power \(integer\): expected a whole number, got "2\.5"/,
    );
    assert.equal(text, 'no reading');
    const letters = await plant.store.query<{ source: string; topic: string }>(
      'SELECT source, topic FROM dead_letters',
    );
    assert.deepEqual(letters, Array(2).fill({ source: 'own', topic: 't' }));
    assert.match((await plant.runtime.untilStatus('own', /2 rejected/)).text ?? '', /rows\/s, 2 rejected: /);
    // Only the row itself: no device, no latest value.
    assert.deepEqual(await plant.store.query('SELECT * FROM devices'), []);
  });

  it('keeps rows on disk while the table is gone, over a restart, and stores each once when it is there again', async () => {
    await plant.runtime.deploy(flow({ policy: 'disk' }));
    assert.deepEqual(await plant.runtime.emit('src', { payload: reading(10) }), { ok: true });
    await plant.store.query('DROP TABLE plant.power');
    assert.deepEqual(await plant.runtime.emit('src', { payload: [reading(11), reading(12)] }), { ok: true });
    await plant.runtime.untilStatus(
      'own',
      /2 on disk.*; .*table plant\.power: expected to be there, got none of this name/,
    );
    await plant.server.terminate('SIGQUIT');
    assert.deepEqual(await plant.runtime.emit('src', { payload: reading(13) }), { ok: true });
    // JSON would make nothing of it, and the table a NULL.
    assert.deepEqual(await plant.runtime.emit('src', { payload: reading(14, Number.NaN) }), { ok: true });
    await plant.runtime.deploy(flow({ policy: 'disk' }));
    await plant.runtime.untilStatus('own', /4 on disk/);
    await plant.server.restart();
    await plant.store.query(CREATE);
    const [batch, single] = await plant.runtime.until('k', 2);
    assert.deepEqual([batch?.payload, single?.payload].flat().length, 3);
    assert.deepEqual(await held(), [11, 12, 13]);
    const { text } = await plant.runtime.untilStatus('own', /1 rejected/);
    assert.match(text ?? '', /rows\/s, 1 rejected: column power \(integer\): expected a whole number, got "NaN"/);
  });

  it('says before the first message what the table lacks, and stops saying so when it is mended', async () => {
    await plant.store.query('ALTER TABLE plant.power RENAME power TO kw');
    await plant.runtime.deploy(flow());
    const status = await plant.runtime.untilStatus(
      'own',
      /column of plant\.power: expected one of device_id, time, kw/,
    );
    assert.equal(status.fill, 'red');
    const waits = plant.runtime.emit('src', { payload: reading(20) });
    await plant.runtime.untilStatus('own', /1 waiting.*column of plant\.power/);
    await plant.store.query('ALTER TABLE plant.power RENAME kw TO power');
    assert.deepEqual(await waits, { ok: true });
    await plant.runtime.untilStatus('own', /rows\/s$/);
  });

  it('does not start with settings that no table can make right', async () => {
    await plant.runtime.deploy(flow({ ownTable: 'a.b.c', columns: [{ column: 'power', from: 'powre' }] }));
    const { text } = await plant.runtime.untilStatus('own', /a\.b\.c/);
    assert.match(text ?? '', /Your table: .*column power: value: expected telemetry/);
  });

  describe('dialog', () => {
    const ask = async <T>(what: string, more: object = {}): Promise<T & { error?: string }> => {
      const answer = await fetch(`${plant.runtime.url}/fieldline/timescale-out/${what}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          node: 'own',
          store: { id: 'db', url: '', changed: false },
          mapping: { table: 'plant.power', columns, key: '', conflict: 'skip' },
          ...more,
        }),
      });
      return (await answer.json()) as T & { error?: string };
    };
    before(async () => {
      await plant.runtime.deploy(flow());
    });

    it('lists the tables, of the deployed database and of one that is only typed', async () => {
      const { tables } = await ask<{ tables: string[] }>('tables');
      assert.ok(tables.includes('plant.power') && tables.includes('public.flow_data'), tables.join());
      const other = await plant.server.database('other');
      const undeployed = { id: 'new', url: other, changed: true };
      assert.deepEqual((await ask<{ tables: string[] }>('tables', { store: undeployed })).tables, []);
    });

    it('tells what is wrong with a database that is only typed', async () => {
      const at = (url: string) => ask<object>('tables', { store: { id: 'new', url, changed: true } });
      assert.match((await at('postgres://u@127.0.0.1:1/x')).error ?? '', /ECONNREFUSED/);
      assert.match((await at('http://x')).error ?? '', /DATABASE_URL: expected postgres/);
      const wrong = new URL(plant.server.url);
      wrong.password = 'wrong';
      assert.match((await at(wrong.href)).error ?? '', /password is refused/);
    });

    it('describes a table, with keys and a guess for each column', async () => {
      await plant.store.query(`CREATE TABLE plant.mix ("Device ID" text, ts timestamptz NOT NULL, "powerKw" numeric(6,2), payload jsonb,
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, UNIQUE ("Device ID", ts))`);
      await plant.runtime.emit('src', { payload: reading(1) });
      const card = await ask<TableCard>('table', { mapping: { table: 'plant.mix' } });
      assert.deepEqual(card.columns, [
        { name: 'Device ID', type: 'text', required: false, made: false, guess: 'deviceId' },
        { name: 'ts', type: 'timestamp with time zone', required: true, made: false, guess: 'timestamp' },
        { name: 'powerKw', type: 'numeric(6,2)', required: false, made: false, guess: 'telemetry.power_kw' },
        { name: 'payload', type: 'jsonb', required: false, made: false, guess: 'reading' },
        { name: 'id', type: 'bigint', required: false, made: true, guess: '' },
      ]);
      assert.deepEqual(card.keys, [{ text: 'Device ID, ts', columns: ['Device ID', 'ts'] }]);
      assert.ok(card.sources.includes('telemetry.power_kw'));
      assert.match(
        (await ask('table', { mapping: { table: 'no.such' } })).error ?? '',
        /table no\.such: expected to be there/,
      );
    });

    it('shows the row that the last message makes, and why a value does not fit', async () => {
      type Answer = Preview & { of: string };
      await plant.runtime.emit('src', { payload: reading(7, 7.5) });
      await plant.runtime.untilStatus('own', /rejected/);
      const shown = await ask<Answer>('preview', {
        mapping: { table: 'plant.power', columns, key: 'time', conflict: 'skip' },
      });
      assert.equal(shown.of, 'the last message');
      assert.deepEqual(
        shown.cells.map(({ column, text }) => [column, text]),
        [
          ['device_id', 'meter'],
          ['time', '2026-01-03 16:00:00.007+00'],
          ['power', undefined],
        ],
      );
      assert.match(shown.cells[2]?.fault ?? '', /expected a whole number, got "7\.5"/);
      assert.match(shown.faults.join(), /key of plant\.power: expected \(device_id, time\)/);
      const { status, lastError } = await ask<Pick<Watch, 'status' | 'lastError'>>('status');
      assert.match(status.text, /rows\/s/);
      assert.match(lastError?.text ?? '', /expected a whole number/);
      const sampled = await ask<Answer>('preview', { node: 'not deployed' });
      assert.match(sampled.of, /sample/);
      assert.equal(await held().then(rows => rows.includes(7)), false);
    });

    it('asks PostgreSQL about types that only it knows', async () => {
      await plant.store.query("CREATE TYPE plant.mood AS ENUM ('calm', 'tense')");
      await plant.store.query('CREATE TABLE plant.moods (m plant.mood, ip inet)');
      const mapping = {
        ...{ table: 'plant.moods', key: '', conflict: 'skip' },
        columns: [
          { column: 'm', from: '=angry' },
          { column: 'ip', from: '=10.0.0.1' },
        ],
      };
      const { cells } = await ask<Preview>('preview', { mapping });
      assert.match(cells[0]?.fault ?? '', /invalid input value for enum plant\.mood: "angry"/);
      assert.deepEqual(cells[1], { column: 'ip', type: 'inet', from: '=10.0.0.1', text: '10.0.0.1/32' });
    });

    it('answers a question that is none with a reason', async () => {
      for (const body of ['{}', '[]', '{"store":7}', '{"store":{"url":"postgres://x"},"mapping":{"columns":[null]}}']) {
        const answer = await fetch(`${plant.runtime.url}/fieldline/timescale-out/preview`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body,
        });
        assert.equal(answer.status, 400);
        assert.match(((await answer.json()) as { error: string }).error, /\w{4}/);
      }
    });
  });
});
