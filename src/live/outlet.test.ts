// The patient outlet: batches as they are while the client takes them, else the newest of each thing, and not without bound.
import assert from 'node:assert/strict';
import { batchOf } from './groups.ts';
import { type Entry, entryAt } from './log.ts';
import { patientOutlet } from './outlet.ts';

function entry(offset: number, key: string): Entry {
  return entryAt(offset, { table: 'system', event: 'INSERT', key, time: '', data: {} });
}

describe('live outlet', () => {
  it('hands a batch on as it is while the client takes it', () => {
    const batch = batchOf('t', [entry(1, 'a'), entry(2, 'a')]);
    const outlet = patientOutlet(
      60_000,
      () => true,
      got => assert.equal(got, batch),
    );
    assert.equal(outlet.take(batch), true);
    outlet.close();
  });

  it('waits until the client can take more, and gives it the newest of each thing in order', async () => {
    let asked = 0;
    let ready = false;
    const often = Promise.withResolvers<void>();
    const emitted = Promise.withResolvers<number[]>();
    const outlet = patientOutlet(
      1,
      () => {
        if (++asked === 3) often.resolve();
        return ready;
      },
      ({ entries }) => {
        assert.ok(ready, 'not before');
        emitted.resolve(entries.map(({ offset }) => offset));
      },
    );
    outlet.take(batchOf('t', [entry(1, 'a'), entry(2, 'b')]));
    await often.promise;
    outlet.take(batchOf('t', [entry(3, 'a')]));
    ready = true;
    assert.deepEqual(await emitted.promise, [2, 3]);
    outlet.close();
  });

  it('says when more things wait than anybody wants', () => {
    const outlet = patientOutlet(
      60_000,
      () => false,
      () => assert.fail('nothing leaves'),
    );
    const entries = Array.from({ length: 10_001 }, (_, at) => entry(at + 1, String(at)));
    assert.equal(outlet.take(batchOf('t', entries.slice(0, -1))), true);
    assert.equal(outlet.take(batchOf('t', entries.slice(-1))), false);
    outlet.close();
  });
});
