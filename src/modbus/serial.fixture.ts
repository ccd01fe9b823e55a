// A serial port of the real library over its mock binding, with a simulated device at the other end of the wire.
import { SerialPortMock } from 'serialport';
import { charMsOf, type LineFormat } from './serial-format.ts';
import type { MakePort } from './serial.ts';
import { type Device, simulatedDevice } from './simulator.ts';
import type { Unit } from './simulated-unit.ts';

/** What of the mock's binding is needed: the end of the wire that no program sees. */
type Wire = {
  isOpen: boolean;
  emitData(data: Uint8Array): void;
  write(data: Buffer): Promise<void>;
  read(...buffer: unknown[]): Promise<unknown>;
  pendingRead: ((error: Error) => void) | null;
};

export type SimulatedLine = Device & {
  readonly path: string;
  readonly makePort: MakePort;
  unplug(): void;
  plug(): void;
  say(bytes: Uint8Array): void;
};

let lines = 0;

/** `paced`: bytes take the time that they take at this format. */
export function simulatedLine(units: Iterable<readonly [number, Unit]>, paced?: LineFormat): SimulatedLine {
  const device = simulatedDevice(units, 'rtu');
  const path = `/dev/mock-${++lines}`;
  let wire: Wire | undefined;

  const plug = () => SerialPortMock.binding.createPort(path, { echo: false, record: false });
  const say = (bytes: Uint8Array) => {
    if (wire?.isOpen) wire.emitData(bytes);
  };
  const unplug = () => {
    const gone = wire;
    wire = undefined;
    SerialPortMock.binding.reset();
    if (gone === undefined) return;
    const fault = new Error('the adapter was unplugged');
    gone.read = gone.write = () => Promise.reject(fault);
    gone.pendingRead?.(fault);
  };

  const replug = () => {
    unplug();
    setTimeout(plug, 10);
  };

  /** Delivers after the time on the wire: the request's, the silence, the answer's. */
  function pace(deliver: (bytes: Uint8Array) => void): (bytes: Uint8Array, asked: number) => void {
    if (paced === undefined) return bytes => deliver(bytes);
    const charMs = charMsOf(paced);
    return (bytes, asked) => setTimeout(deliver, charMs * (asked + 3.5 + bytes.length), bytes);
  }
  const deliver = pace(say);

  function attach(port: SerialPortMock): void {
    const own = port.port as unknown as Wire;
    wire = own;
    let asked = 0;
    const take = device.serve({ send: bytes => deliver(bytes, asked), reset: replug, close: replug });
    const write = own.write.bind(own);
    own.write = async data => {
      await write(data);
      asked = data.length;
      take(Buffer.from(data));
    };
  }

  plug();
  return Object.assign(device, {
    path,
    plug,
    unplug,
    say,
    makePort: (async settings => {
      const port = new SerialPortMock(settings);
      port.on('open', () => attach(port));
      return port;
    }) satisfies MakePort,
  });
}
