// Names of serial ports: the stable ones of the operating system, which stay with an adapter whatever socket it is in.
import { readdirSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { reasonOf } from '../kernel/fault.ts';

/** Linux: links named after maker, model and serial number of the adapter. */
export const BY_ID = '/dev/serial/by-id';

/** The stable name of the port that this one is now, or the name itself where there is none. */
export function stablePath(name: string, byId = BY_ID): string {
  const target = realOf(name);
  return stableNames(byId).find(link => link !== name && target !== undefined && realOf(link) === target) ?? name;
}

/** All stable names there are now. */
export function stableNames(byId = BY_ID): string[] {
  try {
    return readdirSync(byId)
      .sort()
      .map(name => path.join(byId, name));
  } catch {
    return [];
  }
}

function realOf(name: string): string | undefined {
  try {
    return realpathSync(name);
  } catch {
    return undefined;
  }
}

/** Ports to choose from, stable names first. `unavailable`: why there are none to be had on this machine. */
export type SerialPorts = { ports: { path: string; label: string }[]; unavailable?: string };

export async function serialPorts(): Promise<SerialPorts> {
  const stable = stableNames().map(name => ({ path: name, label: path.basename(name) }));
  try {
    const { SerialPort } = await import('serialport');
    const others = (await SerialPort.list()).filter(port => stablePath(port.path) === port.path);
    return {
      ports: [...stable, ...others.map(port => ({ path: port.path, label: port.manufacturer ?? port.path }))],
    };
  } catch (error) {
    return { ports: stable, unavailable: reasonOf(error) };
  }
}
