// RTU on a serial port: opened by the serialport library where that is installed, found again by its stable name after it was unplugged.
import type { Duplex } from 'node:stream';
import { reasonOf } from '../kernel/fault.ts';
import { ModbusFault } from './fault.ts';
import type { Connect } from './link.ts';
import { owedAnswers } from './owed.ts';
import { BY_ID, stablePath } from './port-names.ts';
import { rtuLink } from './rtu.ts';
import { charMsOf, type LineFormat, pauseOf } from './serial-format.ts';

/** A port as the library has it: it is not open before `open` has called back. */
export type Port = Duplex & {
  open(done: (error: Error | null) => void): void;
  close(done: (error: Error | null) => void): void;
};
export type PortSettings = LineFormat & { path: string; autoOpen: false };
/** Rejects where the library or its add-on for this machine is missing. */
export type MakePort = (settings: PortSettings) => Promise<Port>;

export type SerialOptions = {
  path: string;
  format: LineFormat;
  connectTimeoutMs: number;
  drainMs: number;
  makePort?: MakePort;
  byId?: string;
};

/** Operating systems hand bytes of USB adapters over in portions, up to 16 ms apart and more under load. */
const QUIET_MS = 50;

export function serialConnector(options: SerialOptions): Connect {
  const { format, drainMs, makePort = libraryPort, byId = BY_ID } = options;
  const owed = owedAnswers();
  const timing = { charMs: charMsOf(format), pauseMs: pauseOf(format), quietMs: QUIET_MS, drainMs };
  let { path } = options;
  return async signal => {
    // The name that was opened once follows the adapter, whatever number it gets when it is plugged in again.
    path = stablePath(path, byId);
    const port = await makePort({ ...format, path, autoOpen: false }).catch((error: unknown) => {
      throw new ModbusFault('unavailable', `serial ports: ${reasonOf(error)}`);
    });
    await open(port, path, options.connectTimeoutMs, signal);
    return rtuLink({ stream: port, close: () => release(port), timing, watched: false, owed });
  };
}

async function libraryPort(settings: PortSettings): Promise<Port> {
  const { SerialPort } = await import('serialport');
  return new SerialPort(settings);
}

/** A port that opens after it was given up is closed again first: it would stay locked. */
function open(port: Port, path: string, timeoutMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    let givenUp: string | undefined;
    const over = () => {
      clearTimeout(patience);
      signal.removeEventListener('abort', onAbort);
    };
    const fail = (reason: string) => {
      over();
      reject(new ModbusFault('link', `${path}: ${reason}`));
    };
    const onAbort = () => (givenUp ??= 'closed while opening');
    const patience = setTimeout(() => {
      givenUp ??= `not open within ${timeoutMs} ms`;
      fail(givenUp);
    }, timeoutMs);
    signal.addEventListener('abort', onAbort);
    port.on('error', () => {});
    port.open(error => {
      const reason = error ? reasonOf(error) : givenUp;
      if (reason === undefined) {
        over();
        resolve();
      } else if (error) fail(reason);
      else void release(port).then(() => fail(reason));
    });
    if (signal.aborted) onAbort();
  });
}

/** A system that does not close a port in this time will not do it any more. */
const CLOSE_MS = 2000;

/** A port that was unplugged is closed already, which the library reports as an error. */
function release(port: Port): Promise<void> {
  return new Promise(resolve => {
    const patience = setTimeout(resolve, CLOSE_MS);
    port.close(() => {
      clearTimeout(patience);
      resolve();
    });
  });
}
