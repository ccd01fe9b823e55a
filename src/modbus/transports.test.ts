// Every fault of the client library's list on all three transports: a value is right or absent, nothing hangs, and the line heals.
import assert from 'node:assert/strict';
import type { Bus, BusOptions } from './bus.ts';
import { ModbusFault } from './fault.ts';
import type { ReadRequest } from './link.ts';
import type { Misbehaviour } from './misbehaviour.ts';
import type { Asked } from './simulator.ts';
import {
  type Bench,
  heals,
  openTestBus,
  readFrom,
  requests,
  right,
  TIMEOUT_MS,
  transports,
} from './transports.fixture.ts';

type How = (asked: Asked, number: number) => Misbehaviour | undefined;
const every =
  (how: Misbehaviour): How =>
  () =>
    how;
const third =
  (how: Misbehaviour): How =>
  (_, number) =>
    number % 3 === 0 ? how : undefined;
const first =
  (how: Misbehaviour): How =>
  (_, number) =>
    number === 0 ? how : undefined;
const bytes = (hex: string) => Buffer.from(hex, 'hex');

const faults: [what: string, how: How][] = [
  ['1 an answer twice', every({ kind: 'duplicate' })],
  ['1 an answer twice, once', first({ kind: 'duplicate' })],
  ['2 a unit slower than its time', ({ unit }) => (unit === 9 ? { kind: 'slow', ms: TIMEOUT_MS + 25 } : undefined)],
  ['2 a unit slower than its time and the drain', ({ unit }) => (unit === 9 ? { kind: 'slow', ms: 210 } : undefined)],
  ['2 a unit slow now and then', third({ kind: 'slow', ms: TIMEOUT_MS + 25 })],
  ['3 one late answer', first({ kind: 'slow', ms: TIMEOUT_MS + 60 })],
  ['17 a late answer, twice', third({ kind: 'slow', ms: TIMEOUT_MS + 25, twice: true })],
  ['5 a byte count too small', third({ kind: 'byte-count', by: -2 })],
  ['5 a byte count too large', third({ kind: 'byte-count', by: 2 })],
  ['5 fewer words', third({ kind: 'words', by: -1 })],
  ['5 more words', third({ kind: 'words', by: 1 })],
  ['6 noise before', third({ kind: 'garbage', bytes: bytes('0903'), place: 'before' })],
  ['6 noise that looks like a header', third({ kind: 'garbage', bytes: bytes('090308'), place: 'before' })],
  ['6 noise behind', third({ kind: 'garbage', bytes: bytes('0903080001'), place: 'after' })],
  ['6 noise instead', third({ kind: 'garbage', bytes: bytes('00ff00ff00ff00ff00ff00ff00'), place: 'instead' })],
  ['7 another protocol', third({ kind: 'protocol', id: 1 })],
  ['7 an exception of another unit', third({ kind: 'unit', id: 7, exception: 2 })],
  ['8 silence', third({ kind: 'silence' })],
  ['8 a silent unit', ({ unit }) => (unit === 9 ? { kind: 'silence' } : undefined)],
  ['9 reset', third({ kind: 'reset' })],
  ['9 closed', third({ kind: 'close' })],
  ['12 a wrong length', third({ kind: 'length', value: 65535 })],
  ['12 length 0', third({ kind: 'length', value: 0 })],
  ['12 a longer length', third({ kind: 'length', value: 200 })],
  ['12 half an answer', third({ kind: 'partial', bytes: 6 })],
  ['12 half an answer, and the end of the link', third({ kind: 'cut', bytes: 6 })],
  ['an answer with the one before it', every({ kind: 'again' })],
  ['an exception and noise', third({ kind: 'exception', code: 6, followed: bytes('0903080001') })],
  ['12 all but the last byte', third({ kind: 'partial', bytes: 12 })],
  ['19 another transaction', third({ kind: 'transaction', by: 1 })],
  ['19 the echo of a line', every({ kind: 'echo' })],
  ['19 another unit', third({ kind: 'unit', id: 1 })],
  ['19 another function', third({ kind: 'function', code: 4 })],
  ['19 a function that nobody knows', third({ kind: 'function', code: 0x2b })],
  ['byte by byte', every({ kind: 'drip' })],
  ['byte by byte, over the end of its time', third({ kind: 'drip', ms: 9 })],
  ...[1, 2, 3, 4, 5, 6, 8, 10, 11, 255].map(
    code => [`19 exception ${code}`, third({ kind: 'exception', code })] as [string, How],
  ),
];

/** TCP has checksums of its own. */
const damaged: typeof faults = [['19 a wrong checksum', third({ kind: 'checksum' })]];

for (const [transport, openBench] of transports)
  describe(`faults on ${transport}`, () => {
    let bench: Bench;
    let bus: Bus;
    const open = (more: Partial<BusOptions> = {}) => openTestBus(bench, more);
    beforeEach(async () => {
      bench = await openBench();
      bus = open();
    });
    afterEach(async () => {
      await bus.close();
      await bench.close();
    });

    /** For what must be answered: a busy machine may hold the process up. */
    const patiently = async () => {
      await bus.close();
      bus = open({ timeoutMs: 10_000 });
    };

    const read = (request: ReadRequest) => readFrom(bus, request);

    for (const [what, how] of transport === 'TCP' ? faults : [...faults, ...damaged])
      it(`${what}: a value is right or absent, and the line heals`, async () => {
        let number = 0;
        bench.device.misbehave = asked => how(asked, number++);
        for (let round = 0; round < 2; round++)
          for (const request of requests) {
            const got = await read(request);
            if (!(got instanceof ModbusFault)) assert.deepEqual(got, right(request));
          }
        bench.device.misbehave = () => undefined;
        await heals(bus);
      });

    it('4 many calls at once are all answered, each with its own', async () => {
      await patiently();
      const calls = Array.from({ length: 40 }, (_, n) => ({ ...(requests[n % 7] as ReadRequest), address: n }));
      assert.deepEqual(await Promise.all(calls.map(read)), calls.map(right));
    });

    it('6 noise while nobody asks', async () => {
      assert.deepEqual(await read(requests[0] as ReadRequest), right(requests[0] as ReadRequest));
      for (const hex of ['0903', '090308000100020003', 'ff', '0103080000']) {
        bench.say(bytes(hex));
        await new Promise(resolve => setTimeout(resolve, 10));
        for (const request of requests) {
          const got = await read(request);
          if (!(got instanceof ModbusFault)) assert.deepEqual(got, right(request));
        }
      }
      bench.say(bytes('0903'));
      while ((await read(requests[0] as ReadRequest)) instanceof ModbusFault);
    });

    it('14 the other side goes and comes back, ten times', async () => {
      for (let n = 0; n < 10; n++) {
        const request = requests[n % 7] as ReadRequest;
        for (let tries = 0; ; tries++) {
          assert.ok(tries < 500, 'it does not come back');
          const got = await read(request);
          if (!(got instanceof ModbusFault)) {
            assert.deepEqual(got, right(request));
            break;
          }
          await new Promise(resolve => setTimeout(resolve, 10));
        }
        await bench.flap();
      }
    });

    it('9 a call that waits when the link is lost is told at once, or answered on the next link', async () => {
      await bus.close();
      bus = open({ timeoutMs: 60_000 });
      await read(requests[1] as ReadRequest);
      bench.device.misbehave = ({ unit }) => (unit === 9 ? { kind: 'silence' } : undefined);
      const waiting = read(requests[0] as ReadRequest);
      await new Promise(resolve => setTimeout(resolve, 30));
      bench.device.misbehave = () => undefined;
      await bench.flap();
      const got = await waiting;
      if (!(got instanceof ModbusFault)) assert.deepEqual(got, right(requests[0] as ReadRequest));
    });

    it('writes, and says what the unit refuses', async () => {
      await patiently();
      const written: unknown[] = [];
      bench.device.write = ({ unit, ...request }) => {
        written.push(request);
        return unit === 2 ? 3 : undefined;
      };
      await bus.write({ unit: 1, write: 5, address: 3, values: [1] });
      await bus.write({ unit: 1, write: 6, address: 4, values: [0xbeef] });
      await bus.write({ unit: 1, write: 15, address: 5, values: [1, 0, 0, 0, 0, 0, 0, 0, 1] });
      await bus.write({ unit: 1, write: 16, address: 6, values: [1, 65535, 3] });
      assert.deepEqual(written, [
        { write: 5, address: 3, values: [1] },
        { write: 6, address: 4, values: [0xbeef] },
        { write: 15, address: 5, values: [1, 0, 0, 0, 0, 0, 0, 0, 1] },
        { write: 16, address: 6, values: [1, 65535, 3] },
      ]);
      await assert.rejects(bus.write({ unit: 2, write: 6, address: 0, values: [1] }), /exception 03/);
    });

    it('a write is never sent twice', async () => {
      await patiently();
      let writes = 0;
      bench.device.write = () => void writes++;
      await read(requests[0] as ReadRequest);
      bench.device.misbehave = ({ write }) => (write === undefined ? undefined : { kind: 'reset' });
      await assert.rejects(bus.write({ unit: 1, write: 6, address: 4, values: [1] }), ModbusFault);
      assert.equal(writes, 1);
    });
  });
