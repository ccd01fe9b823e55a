// A unit on a real socket whose requests are noted, and maps made for a test: what tests of polls start from.
import { type Bus, openBus } from './bus.ts';
import { parseMap, type RegisterMap } from './map.ts';
import type { Unit } from './simulated-unit.ts';
import { type Simulator, startSimulator } from './simulator.ts';
import { tcpConnector } from './tcp.ts';
import { systemTiming } from './timing.ts';

export const limits = { maxWords: 125, maxBits: 2000, gapBudget: 16 };

export const mapOf = (registers: object[], more: object = {}): RegisterMap =>
  parseMap(JSON.stringify({ name: 'test', table: 'holding', ...more, registers }), 'test.json');

/** What seed 004 reads. */
export const nivus: Unit = (table, address) => {
  const memory = Buffer.alloc(32);
  memory.writeFloatBE(12.5, 0);
  memory.writeFloatBE(1234.5, 4);
  memory.writeFloatBE(18.25, 8);
  memory.writeUInt16BE(7, 20);
  return table === 'holding' && address < 16 ? memory.readUInt16BE(address * 2) : undefined;
};

export type PollBench = {
  readonly simulator: Simulator;
  readonly bus: Bus;
  /** `holding 0+11`, each request as it came. */
  readonly asked: string[];
  behave(how: Simulator['misbehave']): void;
  /** For the tests in which an answer does not come. */
  hurry(timeoutMs: number): Promise<void>;
  close(): Promise<void>;
};

/** Unit 1 is a flow meter of seed 004, each register of unit 2 has its own address as its value. */
export async function pollBench(): Promise<PollBench> {
  const simulator = await startSimulator({
    units: [
      [1, nivus],
      [2, (_, address) => address],
    ],
  });
  const asked: string[] = [];
  const connectBus = (timeoutMs: number) =>
    openBus({
      name: 'line-1',
      connect: tcpConnector({ host: simulator.host, port: simulator.port, connectTimeoutMs: 5000 }),
      timeoutMs,
      parallel: 4,
      quarantine: { after: 100, probeMs: 1 },
      timing: systemTiming,
      random: () => 0,
    });
  let bus = connectBus(10_000);
  const behave = (how: Simulator['misbehave']) => {
    simulator.misbehave = request => {
      asked.push(`${request.table} ${request.address}+${request.count}`);
      return how(request);
    };
  };
  behave(() => undefined);
  return {
    simulator,
    get bus() {
      return bus;
    },
    asked,
    behave,
    async hurry(timeoutMs) {
      await bus.close();
      bus = connectBus(timeoutMs);
    },
    async close() {
      await bus.close();
      await simulator.close();
    },
  };
}
