// Messages with one key, by the policy of the table's mapping, in one write or in several.
import assert from 'node:assert/strict';
import type { Outcome } from '../../reading/contracts.ts';
import { arrived, onOwnTables, reasonsOf } from '../../../test/support/own-tables.ts';
import type { ConflictPolicy } from './plan.ts';

describe('own table sink: one key', () => {
  const { db, open } = onOwnTables();

  const policies: readonly [policy: ConflictPolicy, outcomes: readonly (string | RegExp)[], held: number][] = [
    ['skip', ['stored', 'duplicate', 'duplicate'], 1],
    ['update', ['stored', 'stored', 'stored'], 3],
    ['reject', ['stored', /duplicate key value/, /duplicate key value/], 1],
  ];
  for (const [policy, expected, held] of policies)
    for (const together of [true, false])
      it(`${policy}: three messages with one key ${together ? 'in one write' : 'one after the other'}`, async () => {
        const { sink, rows } = await open(
          'k text PRIMARY KEY, v int',
          { k: 'deviceId', v: 'telemetry.v' },
          'k',
          policy,
        );
        const messages = [1, 2, 3].map(v => arrived(v, { v }));
        const outcomes: Outcome[] = [];
        if (together) outcomes.push(...(await sink.write(messages)));
        else for (const message of messages) outcomes.push(...(await sink.write([message])));
        for (const [at, reason] of reasonsOf(outcomes).entries())
          if (typeof expected[at] === 'string') assert.equal(reason, expected[at]);
          else assert.match(reason, expected[at]!);
        assert.deepEqual(await rows('v'), [{ v: held }]);
        // The same messages again, as after a crash: nothing is new, and what was refused is refused again.
        const again = reasonsOf(await sink.write(messages));
        assert.equal(again[policy === 'update' ? 2 : 0], 'duplicate');
        assert.deepEqual(await rows('v'), [{ v: held }]);
      });

  it('lets an earlier row of the batch stand where the last one is refused', async () => {
    const { sink, rows } = await open(
      'k text PRIMARY KEY, v int CHECK (v < 10)',
      { k: 'deviceId', v: 'telemetry.v' },
      'k',
      'update',
    );
    const outcomes = await sink.write([1, 2, 99].map(v => arrived(v, { v })));
    assert.deepEqual(outcomes.slice(0, 2), ['stored', 'stored']);
    assert.match(reasonsOf(outcomes)[2]!, /violates check/);
    assert.deepEqual(await rows('v'), [{ v: 2 }]);
  });

  it('knows keys as the table does: rounded, padded, without regard to case', async () => {
    await db.store.query("CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false)");
    for (const policy of ['skip', 'update'] as const) {
      const { sink, rows } = await open(
        'v numeric(6,1), t text COLLATE nocase, n int, UNIQUE (v, t)',
        { v: 'telemetry.v', t: 'telemetry.t', n: 'telemetry.n' },
        'v,t',
        policy,
      );
      const outcomes = await sink.write([
        arrived(1, { v: 1.04, t: 'a', n: 1 }),
        arrived(2, { v: 1, t: 'A', n: 2 }),
        arrived(3, { v: 2, t: 'b', n: 3 }),
      ]);
      assert.deepEqual(
        outcomes,
        policy === 'skip' ? ['stored', 'duplicate', 'stored'] : ['stored', 'stored', 'stored'],
      );
      assert.equal((await rows()).length, 2);
    }
  });
});
