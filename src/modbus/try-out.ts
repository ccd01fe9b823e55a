// Tries a line with settings that are not deployed: opens it, asks one unit, and says how far it came and what to do.
import { reasonOf } from '../kernel/fault.ts';
import type { Bus } from './bus.ts';
import { type BusSettings, type ConfiguredBus, configureBus } from './configured.ts';
import { ModbusFault } from './fault.ts';
import { formatName } from './serial-format.ts';

/** Long enough for what answers at all, short enough for a dialog. */
const MOST_MS = 3000;

/** A line that is looked at: units that are not there disturb nobody. */
export type View = Pick<Bus, 'read' | 'state'>;

const viewOf = (bus: Bus, timeoutMs: number): View => ({
  get state() {
    return bus.state;
  },
  read: request => bus.read(request, { timeoutMs }),
});

/**
 * The deployed bus where it is the same line, since many lines take only one client; else one for this moment. Rejects where
 * the deployed bus has the port at another speed: what it answers says nothing about the settings that are to be tried.
 */
export async function onLine<T>(
  settings: BusSettings,
  deployed: ConfiguredBus | undefined,
  work: (bus: View) => Promise<T>,
): Promise<T> {
  const timeoutMs = Math.min(settings.timeoutMs, MOST_MS);
  if (deployed?.bus !== undefined && sameLine(deployed.settings, settings)) {
    if (settings.transport === 'rtu') sameSpeed(deployed.settings, settings);
    return work(viewOf(deployed.bus, timeoutMs));
  }
  const own = configureBus(
    {
      ...settings,
      timeoutMs,
      connectTimeoutMs: Math.min(settings.connectTimeoutMs, MOST_MS),
    },
    undefined,
  );
  try {
    if (own.bus === undefined) throw new ModbusFault('link', 'no address is set');
    return await work(viewOf(own.bus, timeoutMs));
  } finally {
    await own.close();
  }
}

function sameLine(a: BusSettings, b: BusSettings): boolean {
  if (a.transport !== b.transport) return false;
  return a.transport === 'rtu' ? a.serialPort === b.serialPort : a.host === b.host && a.port === b.port;
}

function sameSpeed(used: BusSettings, { serialPort, format }: BusSettings): void {
  const [now, wanted] = [used.format, format].map(formatName);
  if (now !== wanted)
    throw new ModbusFault('link', `${serialPort} is in use at ${now}; deploy ${wanted} before it is tried`);
}

export type TryOut = { ok: boolean; step: 'open' | 'answer'; says: string; advice?: string; ms: number };

/** Never rejects. Any answer will do, an exception as well: the line and the unit are there. */
export async function tryOut(bus: View, unit: number): Promise<TryOut> {
  const began = performance.now();
  const since = () => Math.round(performance.now() - began);
  try {
    await bus.read({ unit, table: 'holding', address: 0, count: 1 });
    return { ok: true, step: 'answer', says: `unit ${unit} answers`, ms: since() };
  } catch (error) {
    const fault = error instanceof ModbusFault ? error : new ModbusFault('answer', reasonOf(error));
    const { trouble, message, advice } = fault;
    if (trouble === 'exception' && fault.exception !== 10 && fault.exception !== 11)
      return { ok: true, step: 'answer', says: `unit ${unit} answers: ${message}`, ms: since() };
    const step = trouble === 'link' || trouble === 'unavailable' ? 'open' : 'answer';
    return { ok: false, step, says: message, advice, ms: since() };
  }
}
