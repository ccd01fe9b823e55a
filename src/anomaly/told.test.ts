// What was said of a reading that is on its way to the database when the process ends: it comes again, and is told the same.
import assert from 'node:assert/strict';
import { issueTicket, settle } from '../kernel/ticket.ts';
import type { Anomaly, Reading } from '../reading/reading.ts';
import { deviceScorer } from './device.ts';

const LAST = 900;
const wobble = (at: number) => 20 + ((at * 7919) % 101) / 101;
const reading = (at: number, telemetry: Reading['telemetry']): Reading => ({
  deviceId: 'm',
  protocol: 'mqtt',
  timestamp: new Date(Date.UTC(2026, 0, 5) + at * 60_000).toISOString(),
  telemetry,
  metadata: { digest: `d${at}` },
});

describe('results of readings that have not settled', () => {
  const steady = (at: number) => ({ temperature: at === LAST ? 40 : wobble(at) });
  const rising = (at: number) => ({ energy: at === LAST ? 4000 : 2 * at + wobble(at) });
  const none = (count: number) => count === 0;
  const one = (count: number) => count === 1;
  for (const [what, telemetry, ends, isSaved, tells] of [
    ['under way', steady, [], one, 'spike'],
    ['under way, of a counter', rising, [], one, 'spike'],
    ['not stored, and about to be sent again', steady, [{ ok: false, kind: 'outage', reason: 'away' }], one, 'spike'],
    [
      'stored at the second try',
      steady,
      [{ ok: false, kind: 'outage', reason: 'away' }, { ok: true }],
      none,
      undefined,
    ],
    ['stored', steady, [{ ok: true }], none, undefined],
  ] as const)
    it(`${what}: ${tells === undefined ? 'not kept' : 'told the same after a restart, and learned once'}`, () => {
      const before = deviceScorer();
      for (let at = 0; at < LAST; at++) before.score(reading(at, telemetry(at)));
      const said = before.score(reading(LAST, telemetry(LAST))) as Anomaly;
      assert.ok(said.score < 0);
      for (const end of ends.length === 0 ? [undefined] : ends) {
        const ticket = issueTicket(0, 0, () => undefined);
        before.underWay(ticket, [before.score(reading(LAST, telemetry(LAST))) as Anomaly]);
        if (end !== undefined) settle(ticket, end);
      }
      const saved = [...before.states()];
      assert.ok(isSaved(saved.length - before.size), `${saved.length - before.size} results are saved`);
      if (tells === undefined) return;
      const after = deviceScorer();
      for (const [name, state] of saved) assert.ok(after.restore(name, state));
      assert.equal(after.size, 1, 'a result is no series');
      assert.deepEqual(after.score(reading(LAST, telemetry(LAST))), said);
      for (let at = LAST + 1; at < LAST + 20; at++) {
        const next = reading(at, telemetry(at));
        assert.deepEqual(after.score(next), before.score(next));
      }
    });

  it('are learned where the series was saved before the reading came, and not where it was saved behind it', () => {
    const telemetry = (at: number) => ({ early: wobble(at), late: at === LAST ? 40 : wobble(at + 50) });
    const before = deviceScorer();
    for (let at = 0; at < LAST; at++) before.score(reading(at, telemetry(at)));
    const states = before.states();
    const saved = [states.next().value!];
    const said = before.score(reading(LAST, telemetry(LAST))) as Anomaly;
    before.underWay(
      issueTicket(0, 0, () => undefined),
      [said],
    );
    saved.push(...states);
    const after = deviceScorer();
    for (const [name, state] of saved) assert.ok(after.restore(name, state));
    for (let at = LAST; at < LAST + 20; at++)
      assert.deepEqual(after.score(reading(at, telemetry(at))), before.score(reading(at, telemetry(at))));
  });

  it('are as many as are remembered, however many fail for ever', () => {
    const scorer = deviceScorer({ remembered: 100 });
    for (let at = 0; at < 1000; at++)
      scorer.underWay(
        issueTicket(0, 0, () => undefined),
        [scorer.score(reading(at, steady(at))) as Anomaly],
      );
    const saved = [...scorer.states()];
    assert.ok(saved.length <= 1 + 200);
    const after = deviceScorer({ remembered: 100 });
    for (const [name, state] of saved) after.restore(name, state);
    assert.equal([...after.states()].length, 1 + 100, 'also what did not come again by the next restart');
    for (let at = 0; at < 1000; at++) after.score(reading(at, steady(at)));
    assert.equal([...after.states()].length, 1, 'what came again and is stored is forgotten');
  });

  for (const [what, state] of [
    ['no JSON', '{'],
    ['no result', '{"score":"high"}'],
  ] as const)
    it(`refuses ${what}`, () => assert.equal(deviceScorer().restore('told d1', Buffer.from(state)), false));
});
