// A bus to a simulated device, as tests of what stands upon a bus need it: a unit is left alone for a minute after three timeouts.
import { type Bus, openBus } from './bus.ts';
import type { Simulator } from './simulator.ts';
import { tcpConnector } from './tcp.ts';
import { systemTiming } from './timing.ts';

export function busTo({ host, port }: Pick<Simulator, 'host' | 'port'>, timeoutMs = 10_000): Bus {
  return openBus({
    name: 'b',
    connect: tcpConnector({ host, port, connectTimeoutMs: 5000 }),
    timeoutMs,
    parallel: 4,
    quarantine: { after: 3, probeMs: 60_000 },
    timing: systemTiming,
  });
}
