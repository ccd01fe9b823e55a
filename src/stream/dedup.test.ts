// Dedup on tickets: what is seen, what is dropped with the first copy, what is forgotten.
import assert from 'node:assert/strict';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { fakeClock } from '../kernel/clock.ts';
import { closeDelivery, issueTicket, type Settled, settle, type Ticket } from '../kernel/ticket.ts';
import { until } from '../../test/support/until.ts';
import type { Raw } from '../reading/raw.ts';
import type { Reading } from '../reading/reading.ts';
import { dedup } from './dedup.ts';
import { deviceOf, identityOf } from './key.ts';

const OUTAGE: Settled = { ok: false, kind: 'outage', reason: 'database away' };

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const start = (windowMs = 1000, maxKeys = 10) => {
  const clock = fakeClock();
  const outcomes = new Map<string, Settled>();
  return {
    clock,
    outcomes,
    seen: dedup({ windowMs, maxKeys, clock }),
    ticket: (name: string): Ticket => issueTicket(0, 0, settled => outcomes.set(name, settled)),
  };
};

describe('dedup', () => {
  it('drops copies until the window of the first is over, however many come', () => {
    const { seen, clock } = start();
    const passed = [0, 400, 400, 199, 1, 999, 1].map(ms => {
      clock.advance(ms);
      return seen.passes('k', undefined);
    });
    assert.deepEqual(passed, [true, false, false, false, true, false, true]);
  });

  it('does not heed a step of the wall clock', () => {
    const { seen, clock } = start();
    assert.equal(seen.passes('k', undefined), true);
    clock.step(86_400_000);
    assert.equal(seen.passes('k', undefined), false);
  });

  it('lets go of a message as soon as it is stored, and not when its window is over', async () => {
    const { seen } = start();
    const held = Array.from({ length: 10 }, (_, n) => {
      const ticket = issueTicket(0, 0, () => undefined);
      seen.passes(`k${n}`, ticket);
      closeDelivery(ticket);
      return new WeakRef(ticket);
    });
    await until(() => {
      collect();
      return held.every(ticket => ticket.deref() === undefined);
    });
    assert.equal(seen.passes('k0', undefined), false, 'its key is known all the same');
  });

  it('keeps no more of a long key than of a short one', () => {
    const KEYS = 20_000;
    const bytesOf = (key: (n: number) => string): number => {
      const { seen } = start(1000, KEYS);
      collect();
      const before = process.memoryUsage().heapUsed;
      for (let n = 0; n < KEYS; n++) seen.passes(key(n), undefined);
      collect();
      const bytes = process.memoryUsage().heapUsed - before;
      assert.equal(seen.passes(key(1), undefined), false);
      return bytes / KEYS;
    };
    const long = bytesOf(n => `${'content '.repeat(50)}${n} ${'device '.repeat(50)}${n}`);
    assert.ok(long < 250, `${long} bytes a key`);
  });

  it('settles a copy with the first while that is under way, and needs both to be over', async () => {
    const { seen, ticket, outcomes } = start();
    const [first, copy] = [ticket('first'), ticket('copy')];
    assert.equal(seen.passes('k', first), true);
    assert.equal(seen.passes('k', copy), false);
    closeDelivery(copy);
    await new Promise(setImmediate);
    assert.equal(outcomes.size, 0);
    closeDelivery(first);
    await new Promise(setImmediate);
    assert.deepEqual(
      [...outcomes],
      [
        ['first', { ok: true }],
        ['copy', { ok: true }],
      ],
    );
  });

  it('drops a copy alone once the first is stored', () => {
    const { seen, ticket, outcomes } = start();
    const first = ticket('first');
    seen.passes('k', first);
    settle(first, { ok: true });
    const copy = ticket('copy');
    assert.equal(seen.passes('k', copy), false);
    assert.deepEqual([...outcomes.keys()], ['first']);
    settle(copy, { ok: true });
    assert.deepEqual([...outcomes.keys()], ['first', 'copy']);
  });

  it('forgets a first copy that failed, and fails the copy that joined it', () => {
    const { seen, ticket, outcomes } = start();
    const [first, copy] = [ticket('first'), ticket('copy')];
    seen.passes('k', first);
    seen.passes('k', copy);
    settle(first, OUTAGE);
    assert.deepEqual(
      [...outcomes],
      [
        ['first', OUTAGE],
        ['copy', OUTAGE],
      ],
    );
    assert.equal(seen.passes('k', ticket('again')), true);
    assert.equal(seen.passes('k', ticket('copy again')), false);
  });

  it('lets a source pass that sends again inside the very settlement', () => {
    const { seen, ticket } = start();
    let again: boolean | undefined;
    const first = issueTicket(0, 0, () => {
      again = seen.passes('k', ticket('again'));
    });
    seen.passes('k', first);
    settle(first, OUTAGE);
    assert.equal(again, true);
  });

  it('drops a second copy inside the same message without merging it with itself', () => {
    const { seen, ticket } = start();
    const one = ticket('one');
    assert.deepEqual([seen.passes('k', one), seen.passes('k', one)], [true, false]);
    assert.equal(one.mergedInto, undefined);
  });

  it('holds at most so many keys: the oldest leaves, counted', () => {
    const { seen } = start(1000, 3);
    for (const key of ['a', 'b', 'c', 'd']) assert.equal(seen.passes(key, undefined), true);
    assert.deepEqual([seen.size, seen.evicted], [3, 1]);
    assert.deepEqual([seen.passes('b', undefined), seen.passes('a', undefined)], [false, true]);
  });

  it('frees keys whose window is over', () => {
    const { seen, clock } = start();
    seen.passes('a', undefined);
    clock.advance(1000);
    seen.passes('b', undefined);
    assert.deepEqual([seen.size, seen.evicted], [1, 0]);
  });
});

describe('dedup: keys', () => {
  const reading = (more: Partial<Reading> = {}): Reading => ({
    deviceId: 'd',
    protocol: 'mqtt',
    timestamp: '2026-01-01T00:00:00.000Z',
    telemetry: { a: 1 },
    metadata: { digest: 'x' },
    ...more,
  });
  const raw = (more: Partial<Raw> = {}): Raw => ({
    topic: 't',
    bytes: Buffer.from('b'),
    receivedAt: 0,
    source: 's',
    protocol: 'mqtt',
    ...more,
  });
  const cases: [name: string, a: unknown, b: unknown, sameIdentity: boolean, sameDevice: boolean][] = [
    ['the same reading received later', reading(), reading({ metadata: { digest: 'x', receivedAt: 9 } }), true, true],
    ['other content', reading(), reading({ metadata: { digest: 'y' } }), false, true],
    ['another time', reading(), reading({ timestamp: '2026-01-01T00:00:00.001Z' }), false, true],
    ['another device', reading(), reading({ deviceId: 'e' }), false, false],
    ['no digest, other values', reading({ metadata: {} }), reading({ metadata: {}, telemetry: { a: 2 } }), false, true],
    ['the same bytes, sent again', raw(), raw(), true, true],
    ['the same bytes at another time', raw(), raw({ receivedAt: 9 }), false, false],
    ['the same bytes of another scanner', raw(), raw({ source: 'z' }), false, false],
    ['adverts of one device', raw({ deviceId: 'd' }), raw({ deviceId: 'd', bytes: Buffer.from('c') }), false, true],
    ['other JSON', { a: 1 }, { a: 2 }, false, false],
    ['nothing', undefined, undefined, true, true],
  ];
  for (const [name, a, b, sameIdentity, sameDevice] of cases)
    it(name, () => {
      assert.equal(identityOf(a) === identityOf(b), sameIdentity);
      assert.equal(deviceOf(a) === deviceOf(b), sameDevice);
    });
});
