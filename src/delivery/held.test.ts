// Messages in outboxes: each is counted out once, also by a later process, and also where not all can be remembered.
import assert from 'node:assert/strict';
import { type HeldLines, openHeld } from './held.ts';

const NOTHING: HeldLines = { runs: [], unnumbered: [] };
/** As the disk gives it back. */
const written = (lines: HeldLines): HeldLines => JSON.parse(JSON.stringify(lines)) as HeldLines;

describe('messages held by outboxes', () => {
  it('releases each once, whatever the order', () => {
    const held = openHeld();
    const model = new Set<number>();
    // A fixed walk through all numbers, as settling and draining out of order are.
    for (let step = 0, at = 0; step < 5000; step++, at = (at + 7919) % 997) {
      const entry = `meter/run.${at}`;
      if (step % 3 === 2) assert.equal(held.release(entry, 'outbox'), model.delete(at), `release ${at}`);
      else {
        held.hold(entry, 'outbox');
        model.add(at);
      }
    }
    for (let at = 0; at < 997; at++) assert.equal(held.release(`meter/run.${at}`, 'outbox'), model.has(at), `${at}`);
    assert.deepEqual(held.lines(), NOTHING);
  });

  it('is small where messages come and go in order', () => {
    const held = openHeld();
    for (let at = 0; at < 100_000; at++) held.hold(`meter/run.${at}`, 'outbox');
    for (let at = 0; at < 40_000; at++) held.release(`meter/run.${at}`, 'outbox');
    assert.deepEqual(held.lines().runs, [{ by: 'outbox', source: 'meter', run: 'run', ranges: [40_000, 100_000] }]);
  });

  it('knows links, sources and processes apart', () => {
    const held = openHeld();
    held.hold('a/b/run.1', 'archiving');
    for (const [entry, by] of [
      ['a/b/run.1', 'outbox'],
      ['a/run.1', 'archiving'],
      ['a/b/other.1', 'archiving'],
      ['a/b/run.11', 'archiving'],
    ] as const)
      assert.equal(held.release(entry, by), false, `${entry} ${by}`);
    assert.equal(held.release('a/b/run.1', 'archiving'), true);
  });

  it('goes on after a restart', () => {
    const before = openHeld();
    for (const at of [1, 2, 5]) before.hold(`meter/run.${at}`, 'archiving');
    before.hold('other/run.1', 'outbox');
    const after = openHeld();
    after.restore(written(before.lines()), [{ source: 'meter', outbox: 3 }]);
    assert.deepEqual(
      [1, 3, 5, 5].map(at => after.release(`meter/run.${at}`, 'archiving')),
      [true, false, true, false],
    );
    assert.equal(after.release('other/run.1', 'outbox'), false);
    after.hold('meter/next.1', 'archiving');
    assert.equal(after.release('meter/next.1', 'archiving'), true);
  });

  it('knows what is lost, also after a restart: all that is held when it is asked', () => {
    const before = openHeld(1);
    for (const at of [1, 2, 5]) before.hold(`meter/run.${at}`, 'archiving');
    before.noteDamage();
    const after = openHeld();
    assert.equal(after.isDamaged, false);
    after.restore(written(before.lines()), [{ source: 'meter', outbox: 3 }]);
    assert.equal(after.isDamaged, true);
    const lost = after.takeLost();
    assert.deepEqual(
      lost.map(({ entry, source, by }) => `${entry} ${source} ${by}`),
      ['meter/run.5 meter archiving', 'meter/.0 meter archiving', 'meter/.0 meter archiving'],
    );
    for (const { entry, by } of lost) assert.ok(after.release(entry, by));
    assert.deepEqual(after.lines(), NOTHING);
  });

  it('counts what an earlier version has left', () => {
    const held = openHeld();
    held.restore(undefined, [{ source: 'meter', outbox: 2 }]);
    const released = ['meter/run.7', 'meter/run.9', 'meter/run.9'].map(entry => held.release(entry, 'outbox'));
    assert.deepEqual(released, [true, true, false]);
  });

  it('counts where it would have to remember too much, over a restart too', () => {
    const held = openHeld(3);
    for (let at = 0; at < 20; at += 2) held.hold(`meter/run.${at}`, 'archiving');
    assert.equal(held.lines().runs[0]?.ranges.length, 6);
    assert.deepEqual(held.lines().unnumbered, [{ by: 'archiving', source: 'meter', count: 7 }]);
    const after = openHeld(3);
    after.restore(written(held.lines()), [{ source: 'meter', outbox: 10 }]);
    let released = 0;
    for (let at = 0; at < 40; at++) if (after.release(`meter/run.${at}`, 'archiving')) released++;
    assert.equal(released, 10);
    assert.deepEqual(after.lines(), NOTHING);
  });
});
