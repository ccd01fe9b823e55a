// Lines that give requests back: no write is taken for confirmed because it was heard again, not even the first one.
import assert from 'node:assert/strict';
import type { Bus } from './bus.ts';
import { ModbusFault } from './fault.ts';
import type { WriteRequest } from './link.ts';
import type { Misbehaviour } from './misbehaviour.ts';
import { requestFrame } from './rtu-frame.ts';
import type { Asked } from './simulator.ts';
import { type Bench, openTestBus, transports } from './transports.fixture.ts';

const register: WriteRequest = { unit: 1, write: 6, address: 4, values: [7] };
const coil: WriteRequest = { unit: 1, write: 5, address: 4, values: [1] };
/** For answers that come, however busy the machine is, and for those that do not. */
const PATIENT_MS = 10_000;
const SHORT_MS = 300;
/** What is heard where the unit is dead and the line is not. */
const echoOf = (asked: Asked): Misbehaviour => {
  const { unit, table, address, count, write } = asked;
  const request = write === undefined ? { unit, table, address, count } : write === 5 ? coil : register;
  return { kind: 'garbage', place: 'instead', bytes: requestFrame(request) };
};

for (const [transport, openBench] of transports.filter(([name]) => name !== 'TCP'))
  describe(`the first write on ${transport}`, () => {
    let bench: Bench;
    let bus: Bus;
    let asked: string[];
    beforeEach(async () => {
      bench = await openBench();
      bench.device.write = () => undefined;
      bus = openTestBus(bench, { timeoutMs: PATIENT_MS });
      asked = [];
    });
    afterEach(async () => {
      await bus.close();
      await bench.close();
    });
    const hurry = async () => {
      await bus.close();
      bus = openTestBus(bench, { timeoutMs: SHORT_MS });
    };
    const behave = (how: (asked: Asked) => Misbehaviour | undefined) => {
      bench.device.misbehave = request => {
        asked.push(request.write === undefined ? `read ${request.table} ${request.address}` : 'write');
        return how(request);
      };
    };
    const write = (request: WriteRequest) =>
      bus.write(request).then(
        () => 'confirmed',
        (fault: unknown) => {
          assert.ok(fault instanceof ModbusFault);
          return fault.unsent ? 'not sent' : fault.trouble;
        },
      );

    for (const request of [register, coil]) {
      it(`with function ${request.write} is not confirmed by its echo`, async () => {
        await hurry();
        behave(echoOf);
        assert.equal(await write(request), 'timeout');
      });

      it(`with function ${request.write} is confirmed where echo and confirmation come`, async () => {
        behave(() => ({ kind: 'echo' }));
        assert.deepEqual([await write(request), await write(request)], ['confirmed', 'confirmed']);
      });
    }

    it('is told from an echo by one read, and no other write needs one', async () => {
      behave(() => undefined);
      for (let n = 0; n < 3; n++) assert.equal(await write(register), 'confirmed');
      assert.equal(await write(coil), 'confirmed');
      assert.deepEqual(asked, ['read holding 4', 'write', 'write', 'write', 'write']);
    });

    it('needs none after a read that was asked for', async () => {
      behave(() => undefined);
      await bus.read({ unit: 9, table: 'holding', address: 0, count: 1 });
      assert.equal(await write(register), 'confirmed');
      assert.deepEqual(asked, ['read holding 0', 'write']);
    });

    const unread: [how: string, answer: Misbehaviour][] = [
      ['refuses reads', { kind: 'exception', code: 1 }],
      ['answers no read', { kind: 'silence' }],
    ];
    for (const [how, answer] of unread)
      it(`reaches a unit that ${how}`, async () => {
        await hurry();
        behave(({ write }) => (write === undefined ? answer : undefined));
        assert.equal(await write(register), 'confirmed');
      });

    it('is not sent while noise hides whether there is an echo', async () => {
      await hurry();
      behave(({ write }) =>
        write === undefined ? { kind: 'garbage', place: 'instead', bytes: Buffer.from('ff00aa', 'hex') } : undefined,
      );
      assert.equal(await write(register), 'not sent');
      behave(() => undefined);
      assert.equal(await write(register), 'confirmed');
      assert.deepEqual(asked, ['read holding 4', 'read holding 4', 'write']);
    });
  });
