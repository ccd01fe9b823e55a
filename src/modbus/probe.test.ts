// Probes of a unit in quarantine on a shared line: a dead unit costs the others one short wait, however slow it was when it lived.
import assert from 'node:assert/strict';
import { type Bus, openBus } from './bus.ts';
import { ModbusFault } from './fault.ts';
import type { Asking, Link, ReadRequest } from './link.ts';
import { fakeTiming } from './timing.fixture.ts';

const TIMEOUT_MS = 100;
const PROBE_MS = 60_000;
const request: ReadRequest = { unit: 1, table: 'holding', address: 0, count: 2 };
const data = new Uint8Array(4);

const silent = (): Uint8Array => {
  throw new ModbusFault('timeout', 'no answer');
};
/** It answers while the line is drained. */
const late = (heard: NonNullable<Asking['heard']>): Uint8Array => {
  heard(1.5 * TIMEOUT_MS, true);
  return silent();
};

describe('a unit in quarantine that was slow', () => {
  let bus: Bus;
  let timing: ReturnType<typeof fakeTiming>;
  /** Milliseconds that each request was allowed. */
  let allowed: number[];
  let answer = late;
  const open = (parallel: number) => {
    const { promise: ended, resolve: sayEnded } = Promise.withResolvers<string>();
    const link: Link = {
      ...{ alive: true, ended, end: sayEnded },
      async ask(_request, timeoutMs, { heard = () => {} } = {}) {
        allowed.push(timeoutMs);
        return answer(heard);
      },
    };
    const quarantine = { after: 3, probeMs: PROBE_MS };
    const connect = () => Promise.resolve(link);
    bus = openBus({ name: 'b', connect, timeoutMs: TIMEOUT_MS, parallel, quarantine, timing });
  };
  const read = () => bus.read(request).catch(({ trouble }: ModbusFault) => trouble);

  const fallsSilent = async () => {
    for (answer = late; allowed.length < 3; answer = silent) assert.equal(await read(), 'timeout');
    assert.deepEqual(allowed.splice(0), [100, 400, 400]);
    assert.deepEqual(bus.quarantined, [1]);
    timing.clock.advance(PROBE_MS);
  };

  beforeEach(() => {
    allowed = [];
    timing = fakeTiming();
  });
  afterEach(() => bus.close());

  for (const [line, parallel, costs] of [
    ['on a shared line as much as any other one', 1, 100],
    ['on TCP the time it had, which delays nobody', 4, 400],
  ] as const)
    it(`costs each probe ${line}`, async () => {
      open(parallel);
      await fallsSilent();
      for (let n = 0; n < 3; n++) {
        assert.deepEqual([await read(), await read()], ['timeout', 'quarantine']);
        timing.clock.advance(PROBE_MS);
      }
      assert.deepEqual(allowed, [costs, costs, costs]);
    });

  it('is back with its late answer to a probe, and has the time again that it needs', async () => {
    open(1);
    await fallsSilent();
    answer = late;
    assert.equal(await read(), 'timeout');
    assert.deepEqual(bus.quarantined, []);
    answer = () => data;
    assert.equal(await read(), data);
    assert.deepEqual(allowed, [100, 400]);
  });

  it('is left alone again at once where it answers a probe late and no request after it', async () => {
    open(1);
    await fallsSilent();
    answer = late;
    await read();
    answer = silent;
    assert.deepEqual([await read(), await read()], ['timeout', 'quarantine']);
  });
});
