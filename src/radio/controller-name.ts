// Controllers by the names that settings use: `hci0`, `tcp://host:port`.
import { expected, Fault } from '../kernel/fault.ts';

/** An adapter of this machine by its number, or a controller that speaks H4 over TCP. */
export type Controller = { device: number } | { host: string; port: number };

/** Undefined for other names. Throws FIELDLINE_RADIO on an address that is none. */
export function controllerOf(name: string): Controller | undefined {
  const device = /^hci(\d{1,3})$/.exec(name)?.[1];
  if (device !== undefined) return { device: Number(device) };
  if (!name.startsWith('tcp://')) return undefined;
  const url = URL.canParse(name) ? new URL(name) : undefined;
  if (url === undefined || url.hostname === '' || !(Number(url.port) > 0))
    throw new Fault('FIELDLINE_RADIO', expected('adapter', 'tcp://host:port', name));
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port) };
}

export function nameOf(where: Controller): string {
  return 'host' in where ? `tcp://${where.host}:${where.port}` : `hci${where.device}`;
}
