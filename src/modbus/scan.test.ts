// Looking for units on a line that is in use: who is not there disturbs nobody, on no transport.
import assert from 'node:assert/strict';
import type { BusSettings, ConfiguredBus } from './configured.ts';
import { ModbusFault } from './fault.ts';
import { scanUnits } from './scan.ts';
import { onLine, tryOut } from './try-out.ts';
import { type Bench, openTestBus, readFrom, requests, right, transports } from './transports.fixture.ts';

/** For units that are not there: a busy machine may hold the process up, and those that are there must be found. */
const settings = { transport: 'tcp', host: 'a line', port: 502, timeoutMs: 400 } as BusSettings;

for (const [transport, openBench] of transports)
  describe(`a scan of a line in use on ${transport}`, () => {
    let bench: Bench;
    let deployed: ConfiguredBus & { bus: NonNullable<ConfiguredBus['bus']> };
    beforeEach(async () => {
      bench = await openBench();
      bench.device.misbehave = ({ unit }) => (unit > 2 && unit !== 9 ? { kind: 'silence' } : undefined);
    });
    const use = async (timeoutMs: number) => {
      const bus = openTestBus(bench, { timeoutMs, quarantine: { after: 2, probeMs: 60_000 } });
      deployed = { bus, demo: false, settings, close: bus.close };
      for (const request of requests) assert.deepEqual(await readFrom(bus, request), right(request));
    };
    afterEach(async () => {
      await deployed.close();
      await bench.close();
    });

    it('finds the units that are there, and polls go on over the same connection', async () => {
      await use(10_000);
      const scan = await onLine(settings, deployed, async line => {
        const running = scanUnits(line, [1, 2, 3, 4, 5, 6, 7, 9]);
        for (let n = 0; !running.done; n++) {
          const request = requests[n % requests.length] as (typeof requests)[0];
          assert.deepEqual(await readFrom(deployed.bus, request), right(request));
        }
        return running;
      });
      assert.deepEqual(
        scan.found.map(({ unit }) => unit),
        [1, 2, 9],
      );
      assert.equal(scan.error, undefined);
      assert.equal(deployed.bus.losses, 0);
      assert.deepEqual(deployed.bus.quarantined, []);
    });

    it('leaves a line as it is on which nobody else asks, however often it is scanned', async () => {
      await use(400);
      for (let round = 0; round < 2; round++)
        await onLine({ ...settings, timeoutMs: 40 }, deployed, line => scanUnits(line, [3, 4, 5]).ended);
      assert.equal(deployed.bus.losses, 0);
      assert.deepEqual(deployed.bus.quarantined, []);
      const [request] = requests as [(typeof requests)[0]];
      assert.deepEqual(await readFrom(deployed.bus, request), right(request));
    });

    it('asks a unit in quarantine, and leaves it there', async () => {
      await use(400);
      const silent = { unit: 5, table: 'holding', address: 0, count: 1 } as const;
      // The rest of the line answers in between, so that the link is not blamed.
      for (const request of [silent, ...requests, silent, ...requests]) await readFrom(deployed.bus, request);
      assert.deepEqual(deployed.bus.quarantined, [5]);
      const tried = await onLine({ ...settings, timeoutMs: 150 }, deployed, line => tryOut(line, 5));
      assert.match(tried.says, /of unit 5: no .*answer within 150 ms/);
      const refused = await readFrom(deployed.bus, silent);
      assert.ok(refused instanceof ModbusFault && refused.trouble === 'quarantine');
      bench.device.misbehave = () => ({ kind: 'exception', code: 2 });
      assert.equal((await onLine(settings, deployed, line => tryOut(line, 5))).ok, true);
      assert.deepEqual(deployed.bus.quarantined, [], 'it was seen alive');
    });
  });

describe('a trial of a serial port that is in use', () => {
  it('at another speed is refused, since the port answers at its own', async () => {
    const format = { baudRate: 9600, dataBits: 8, parity: 'none', stopBits: 1 } as const;
    const used = { transport: 'rtu', serialPort: '/dev/ttyUSB0', format, timeoutMs: 70 } as BusSettings;
    const bus = { read: async () => new Uint8Array(2), state: 'up' } as unknown as NonNullable<ConfiguredBus['bus']>;
    const deployed = { bus, demo: false, settings: used, close: async () => {} };
    assert.equal((await onLine(used, deployed, line => tryOut(line, 1))).ok, true);
    const wanted = { ...used, format: { ...format, baudRate: 19_200, parity: 'even' } } as BusSettings;
    await assert.rejects(
      onLine(wanted, deployed, line => tryOut(line, 1)),
      /ttyUSB0 is in use at 9600 8N1; deploy 19200 8E1 before it is tried/,
    );
  });
});
