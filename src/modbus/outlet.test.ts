// Readings on their way: bounded, kept through an outage in order, dropped only when counted.
import assert from 'node:assert/strict';
import type { Settled } from '../kernel/ticket.ts';
import type { Reading } from '../reading/reading.ts';
import { outletOf } from './outlet.ts';
import { fakeTiming } from './timing.fixture.ts';

const reading = (n: number): Reading => ({
  deviceId: 'd',
  protocol: 'modbus',
  timestamp: new Date(Date.UTC(2026, 0, 1) + n).toISOString(),
  telemetry: { n },
  metadata: {},
});
const ok: Settled = { ok: true };
const failed = (kind: 'outage' | 'data' | 'unfinished'): Settled => ({ ok: false, kind, reason: `because ${kind}` });
const turn = () => new Promise(resolve => setImmediate(resolve));

function scene(answer: (reading: Reading) => Settled | Promise<Settled>, limit = 1000) {
  const timing = fakeTiming();
  const emitted: unknown[] = [];
  const stored: unknown[] = [];
  const dropped: string[] = [];
  const outlet = outletOf({
    async emit(one) {
      emitted.push(one.telemetry['n']);
      const settled = await answer(one);
      if (settled.ok) stored.push(one.telemetry['n']);
      return settled;
    },
    after: timing.after,
    limit,
    onDrop: (one, why, reason) => dropped.push(`${one.telemetry['n']} ${why} ${reason}`),
    random: () => 1,
  });
  return { timing, outlet, emitted, stored, dropped };
}

describe('outlet', () => {
  it('hands on at once what is stored', async () => {
    const { outlet, stored } = scene(() => ok);
    for (let n = 0; n < 5; n++) outlet.offer(reading(n));
    await turn();
    assert.deepEqual(stored, [0, 1, 2, 3, 4]);
    assert.equal(outlet.backlog.open, 0);
  });

  it('keeps what an outage refuses, tries the oldest for ever, then lets all follow in order', async () => {
    let away = true;
    const { outlet, timing, emitted, stored, dropped } = scene(() => (away ? failed('outage') : ok));
    for (let n = 0; n < 10; n++) {
      outlet.offer(reading(n));
      await turn();
    }
    assert.match(outlet.backlog.reason, /because outage/);
    await timing.advance(60_000, 100);
    assert.ok(emitted.length < 20, `${emitted.length} tries in a minute`);
    assert.equal(outlet.backlog.open, 10);
    away = false;
    await timing.advance(6000, 100);
    assert.deepEqual(stored, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert.deepEqual(dropped, []);
    outlet.offer(reading(10));
    await turn();
    assert.equal(stored.at(-1), 10, 'all is well again');
    away = true;
    outlet.offer(reading(11));
    await turn();
    away = false;
    await timing.advance(250, 10);
    assert.equal(stored.at(-1), 11, 'the waiting times begin anew');
    assert.equal(timing.waiting, 0);
  });

  it('many that fail at once come again in the order of their polls', async () => {
    let release: (settled: Settled) => void = () => {};
    const gate = new Promise<Settled>(resolve => (release = resolve));
    let away = true;
    const { outlet, timing, stored } = scene(() => (away ? gate : ok));
    for (const n of [0, 1, 2, 3]) outlet.offer(reading(n));
    release(failed('outage'));
    await turn();
    away = false;
    await timing.advance(6000, 100);
    assert.deepEqual(stored, [0, 1, 2, 3]);
  });

  it('never holds more than its limit, and counts what it drops', async () => {
    const { outlet, dropped } = scene(() => failed('outage'), 3);
    for (let n = 0; n < 5; n++) {
      outlet.offer(reading(n));
      await turn();
    }
    assert.equal(outlet.backlog.open, 3);
    assert.deepEqual(dropped, ['3 full because outage', '4 full because outage']);
  });

  it('a sink that just takes its time is bounded, too', () => {
    const { outlet, dropped } = scene(() => new Promise(() => {}), 3);
    for (let n = 0; n < 5; n++) outlet.offer(reading(n));
    assert.equal(outlet.backlog.open, 3);
    assert.equal(dropped.length, 2);
    assert.deepEqual(outlet.backlog, { open: 3, reason: '', full: true, dropped: 2 });
  });

  it('says when the flow does not keep up', () => {
    const { outlet } = scene(() => new Promise(() => {}));
    for (let n = 0; n < 11; n++) outlet.offer(reading(n));
    assert.match(outlet.backlog.reason, /not stored as fast as they come/);
  });

  for (const kind of ['data', 'unfinished'] as const)
    it(`gives up after three tries on ${kind}, and the others go on`, async () => {
      const { outlet, timing, emitted, stored, dropped } = scene(one => (one.telemetry['n'] === 1 ? failed(kind) : ok));
      for (const n of [1, 2, 3]) outlet.offer(reading(n));
      await timing.advance(20_000, 100);
      assert.equal(emitted.filter(n => n === 1).length, 3);
      assert.deepEqual(dropped, [`1 refused because ${kind}`]);
      assert.deepEqual(stored, [2, 3]);
      outlet.offer(reading(4));
      await turn();
      assert.equal(stored.at(-1), 4);
    });

  it('a rejected emit is a failure like any other', async () => {
    let first = true;
    const { outlet, timing, stored } = scene(async () => {
      if (first) {
        first = false;
        throw new Error('broken wire');
      }
      return ok;
    });
    outlet.offer(reading(0));
    await timing.advance(6000, 100);
    assert.deepEqual(stored, [0]);
  });

  it('emits nothing while it is paused', async () => {
    let away = true;
    const { outlet, timing, emitted, stored } = scene(() => (away ? failed('outage') : ok));
    outlet.offer(reading(0));
    await turn();
    outlet.pause();
    outlet.offer(reading(1));
    await timing.advance(20_000, 100);
    assert.deepEqual(emitted, [0]);
    away = false;
    outlet.resume();
    await timing.advance(6000, 100);
    assert.deepEqual(stored, [0, 1]);
  });

  it('counts what is not stored when it closes, and leaves no timer', async () => {
    const { outlet, timing, dropped } = scene(() => failed('outage'));
    outlet.offer(reading(0));
    await turn();
    outlet.close();
    outlet.offer(reading(1));
    await turn();
    assert.deepEqual(dropped, ['0 closed because outage']);
    assert.equal(timing.waiting, 0);
  });
});
