// A Modbus device, TCP or RTU over TCP, on a real socket: it answers for any number of units and misbehaves on demand, byte by byte.
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { isWrite, type ReadRequest, type Request, type WriteFunction } from './link.ts';
import { type Frame, frameReader } from './mbap.ts';
import { type Envelope, type Misbehaviour, rtuEnvelope, tcpEnvelope, wrongAnswer } from './misbehaviour.ts';
import { rtuRequestReader } from './rtu-requests.ts';
import { answerOf, requestOf, type Unit, type Write } from './simulated-unit.ts';

/** How a device is heard and hurt over whatever carries its bytes. */
export type Carrier = { send(bytes: Uint8Array): void; reset(): void; close(): void };

/** A request as faults are chosen by; `write` is its function where it is a write. */
export type Asked = ReadRequest & { write?: WriteFunction };

export type Device = {
  readonly units: Map<number, Unit>;
  /** Asked before each answer; replace it at any time. */
  misbehave: (asked: Asked) => Misbehaviour | undefined;
  /** Carries out writes; refuses all of them until it is replaced. */
  write: Write;
  /** Takes what one client sends. */
  serve(carrier: Carrier): (chunk: Uint8Array) => void;
  /** Answers that are late never come. */
  stop(): void;
};

export type Framing = 'tcp' | 'rtu';

export function simulatedDevice(units: Iterable<readonly [number, Unit]>, framing: Framing): Device {
  const delayed = new Set<NodeJS.Timeout>();
  let before: Uint8Array = Buffer.alloc(0);
  const envelope: Envelope = framing === 'tcp' ? tcpEnvelope : rtuEnvelope;
  const later = (ms: number, run: () => void) => {
    const timer = setTimeout(() => {
      delayed.delete(timer);
      run();
    }, ms);
    delayed.add(timer);
  };

  const answer = ({ send, reset, close }: Carrier, frame: Frame) => {
    const request = requestOf(frame);
    const right = answerOf(frame, device.units, device.write);
    const how = request === undefined ? undefined : device.misbehave(askedOf(request));
    // A broadcast is answered by nobody.
    if (framing === 'rtu' && frame.unit === 0) return;
    const whole = envelope(frame, right);
    const last = before;
    before = whole;
    if (how === undefined) return send(whole);
    switch (how.kind) {
      case 'silence':
        return;
      case 'slow':
        return later(how.ms, () => send(how.twice ? Buffer.concat([whole, whole]) : whole));
      case 'drip':
        for (const [at, byte] of whole.entries()) later(at * (how.ms ?? 2), () => send(Uint8Array.of(byte)));
        return;
      case 'reset':
        return reset();
      case 'cut':
        send(whole.subarray(0, how.bytes));
        // The part is on its way before the end is.
        return later(2, reset);
      case 'again':
        return send(Buffer.concat([last, whole]));
      case 'close':
        return close();
      default:
        return send(wrongAnswer(how, frame, right, envelope));
    }
  };

  const device: Device = {
    units: new Map(units),
    misbehave: () => undefined,
    write: () => 1,
    serve(carrier) {
      // A request without data (length 2) is refused by its function code, not by its framing.
      const read = framing === 'tcp' ? frameReader(2) : rtuRequestReader();
      return chunk => {
        const { frames, broken } = read(chunk);
        for (const frame of frames) answer(carrier, frame);
        if (broken !== undefined) carrier.reset();
      };
    },
    stop() {
      for (const timer of delayed) clearTimeout(timer);
    },
  };
  return device;
}

function askedOf(request: Request): Asked {
  if (!isWrite(request)) return request;
  const { unit, address, values, write } = request;
  return { unit, address, count: values.length, table: write === 5 || write === 15 ? 'coil' : 'holding', write };
}

/** A reset of a socket that is ending already is refused by the system, and the handle would stay open for ever. */
function reset(socket: Socket): void {
  if (socket.readyState === 'open') socket.resetAndDestroy();
  else socket.destroy();
}

export type Simulator = Omit<Device, 'serve' | 'stop'> & {
  readonly host: string;
  readonly port: number;
  /** Connections open now. */
  readonly connections: number;
  /** Connections accepted since the start. */
  readonly accepted: number;
  /** Cuts all connections, as a reboot of the device does. */
  cut(): void;
  /** Sends bytes that nobody asked for to everybody. */
  say(bytes: Uint8Array): void;
  close(): Promise<void>;
};

export type SimulatorOptions = {
  host?: string;
  port?: number;
  units?: Iterable<readonly [number, Unit]>;
  framing?: Framing;
};

/** Listens on loopback and a free port unless told otherwise. */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const { host = '127.0.0.1', port = 0, units = [], framing = 'tcp' } = options;
  const device = simulatedDevice(units, framing);
  const sockets = new Set<Socket>();
  let accepted = 0;

  const server = createServer(socket => {
    accepted++;
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
    const take = device.serve({
      send: bytes => socket.writable && socket.write(bytes),
      reset: () => reset(socket),
      close: () => socket.end(),
    });
    socket.on('data', take);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });

  const cut = () => {
    for (const socket of sockets) reset(socket);
  };
  return {
    units: device.units,
    get misbehave() {
      return device.misbehave;
    },
    set misbehave(how) {
      device.misbehave = how;
    },
    get write() {
      return device.write;
    },
    set write(carryOut) {
      device.write = carryOut;
    },
    host,
    port: (server.address() as AddressInfo).port,
    get connections() {
      return sockets.size;
    },
    get accepted() {
      return accepted;
    },
    cut,
    say(bytes) {
      for (const socket of sockets) socket.write(bytes);
    },
    close() {
      device.stop();
      cut();
      return new Promise(resolve => server.close(() => resolve()));
    },
  };
}
