// Faults at random, one after the other, on all three transports: whatever a unit does, a value is right or absent, and the line heals.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ModbusFault } from './fault.ts';
import type { Misbehaviour } from './misbehaviour.ts';
import { heals, openTestBus, readFrom, requests, right, TIMEOUT_MS, transports } from './transports.fixture.ts';

const SEEDS = [1, 2];
const READS = 40;

const small = fc.integer({ min: -3, max: 3 }).filter(by => by !== 0);
const noise = fc.uint8Array({ minLength: 1, maxLength: 300 });
const byte = fc.integer({ min: 0, max: 255 });
const fault: fc.Arbitrary<Misbehaviour | undefined> = fc
  .oneof(
    // A right answer now and then: a link that was lost again and again is waited for longer and longer.
    { arbitrary: fc.constant(undefined), weight: 10 },
    fc.constantFrom<Misbehaviour['kind'][]>(
      'silence',
      'drip',
      'reset',
      'close',
      'duplicate',
      'checksum',
      'echo',
      'again',
    ),
    fc.record({ kind: fc.constant('exception'), code: byte, followed: noise }),
    fc.record({ kind: fc.constantFrom('partial', 'cut'), bytes: fc.integer({ min: 0, max: 12 }) }),
    fc.record({ kind: fc.constantFrom('byte-count', 'words', 'transaction'), by: small }),
    fc.record({ kind: fc.constant('unit'), id: byte }),
    fc.record({ kind: fc.constant('function'), code: byte }),
    fc.record({ kind: fc.constant('length'), value: fc.integer({ min: 0, max: 0xffff }) }),
    fc.record({ kind: fc.constant('protocol'), id: fc.integer({ min: 1, max: 0xffff }) }),
    fc.record({ kind: fc.constant('garbage'), bytes: noise, place: fc.constantFrom('before', 'after', 'instead') }),
    fc.record({ kind: fc.constant('slow'), ms: fc.integer({ min: 0, max: TIMEOUT_MS + 30 }) }),
  )
  .map(it => (typeof it === 'string' ? { kind: it } : it) as Misbehaviour | undefined);

for (const [transport, openBench] of transports)
  describe(`faults at random on ${transport}`, () => {
    for (const seed of SEEDS)
      it(`seed ${seed}`, async () => {
        const bench = await openBench();
        const bus = openTestBus(bench);
        // TCP has checksums of its own: a byte that is wrong there was sent so.
        const faults = fc
          .sample(fault, { seed, numRuns: READS })
          .map(it => (transport === 'TCP' && it?.kind === 'checksum' ? undefined : it));
        let at = 0;
        bench.device.misbehave = () => faults[at];
        try {
          for (; at < faults.length; at++) {
            const request = requests[at % requests.length]!;
            const got = await readFrom(bus, request);
            const told = () => `after ${JSON.stringify(faults.slice(Math.max(0, at - 2), at + 1))}`;
            if (!(got instanceof ModbusFault)) assert.deepEqual(got, right(request), told());
            // While the port is away, reads are refused at once.
            else if (got.trouble === 'link') await new Promise(resolve => setTimeout(resolve, 30));
          }
          bench.device.misbehave = () => undefined;
          await heals(bus);
        } finally {
          await bus.close();
          await bench.close();
        }
      });
  });
