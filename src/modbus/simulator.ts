// A Modbus TCP server on a real socket that answers for any number of units and misbehaves on demand, byte by byte.
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { isBitTable, type ReadRequest, readFunction, type Table, tables } from './link.ts';
import { type Frame, frameReader } from './mbap.ts';

/** A unit: the word (or bit 0/1) at a 0-based address; undefined = there is none, answered with exception 02. */
export type Unit = (table: Table, address: number) => number | undefined;

/** What the server sends instead of the right answer. */
type BytesWrong =
  | { kind: 'exception'; code: number }
  /** The answer is cut after so many bytes, and nothing follows. */
  | { kind: 'partial'; bytes: number }
  /** The byte count field is wrong by so much; the frame is as long as it should be. */
  | { kind: 'byte-count'; by: number }
  /** The whole frame carries so many words more or fewer than asked for. */
  | { kind: 'words'; by: number }
  /** A wrong length in the frame header. */
  | { kind: 'length'; value: number }
  | { kind: 'protocol'; id: number }
  | { kind: 'transaction'; by: number }
  | { kind: 'unit'; id: number; exception?: number }
  | { kind: 'function'; code: number }
  | { kind: 'duplicate' }
  | { kind: 'garbage'; bytes: Uint8Array; place: 'before' | 'after' | 'instead' };

export type Misbehaviour =
  | BytesWrong
  | { kind: 'silence' }
  | { kind: 'slow'; ms: number }
  /** The right answer, each byte in a packet of its own. */
  | { kind: 'drip' }
  /** Ends the connection: hard, or in order. */
  | { kind: 'reset' }
  | { kind: 'close' };

export type Simulator = {
  readonly host: string;
  readonly port: number;
  readonly units: Map<number, Unit>;
  /** Asked before each answer; replace it at any time. */
  misbehave: (request: ReadRequest) => Misbehaviour | undefined;
  /** Connections open now. */
  readonly connections: number;
  /** Connections accepted since the start. */
  readonly accepted: number;
  /** Cuts all connections, as a reboot of the device does. */
  cut(): void;
  close(): Promise<void>;
};

export type SimulatorOptions = { host?: string; port?: number; units?: Iterable<readonly [number, Unit]> };

/** Listens on loopback and a free port unless told otherwise. */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const { host = '127.0.0.1', port = 0, units = [] } = options;
  const sockets = new Set<Socket>();
  const delayed = new Set<NodeJS.Timeout>();
  let accepted = 0;

  const server = createServer(socket => {
    accepted++;
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
    // A request without data (length 2) is refused by its function code, not by its framing.
    const read = frameReader(2);
    socket.on('data', chunk => {
      const { frames, broken } = read(chunk);
      for (const frame of frames) serve(socket, frame);
      if (broken !== undefined) socket.destroy();
    });
  });

  const later = (ms: number, run: () => void) => {
    const timer = setTimeout(() => {
      delayed.delete(timer);
      run();
    }, ms);
    delayed.add(timer);
  };

  const serve = (socket: Socket, frame: Frame) => {
    const request = requestOf(frame);
    const send = (bytes: Uint8Array) => socket.writable && socket.write(bytes);
    const right = request === undefined ? exceptionPdu(frame.pdu[0] ?? 0, 1) : answerPdu(request, simulator.units);
    const how = request === undefined ? undefined : simulator.misbehave(request);
    if (how === undefined) {
      send(adu(frame, right));
      return;
    }
    switch (how.kind) {
      case 'silence':
        break;
      case 'slow':
        later(how.ms, () => send(adu(frame, right)));
        break;
      case 'drip':
        for (const [at, byte] of adu(frame, right).entries()) later(at * 2, () => send(Uint8Array.of(byte)));
        break;
      case 'reset':
        socket.resetAndDestroy();
        break;
      case 'close':
        socket.end();
        break;
      default:
        send(wrongAnswer(how, frame, right));
    }
  };

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });

  const cut = () => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  const simulator: Simulator = {
    host,
    port: (server.address() as AddressInfo).port,
    units: new Map(units),
    misbehave: () => undefined,
    get connections() {
      return sockets.size;
    },
    get accepted() {
      return accepted;
    },
    cut,
    close() {
      for (const timer of delayed) clearTimeout(timer);
      cut();
      return new Promise(resolve => server.close(() => resolve()));
    },
  };
  return simulator;
}

/** The read a frame asks for, or undefined where the function is none of the four. */
function requestOf({ unit, pdu }: Frame): ReadRequest | undefined {
  const table = tables.find(one => readFunction[one] === pdu[0]);
  if (table === undefined || pdu.length !== 5) return undefined;
  const view = new DataView(pdu.buffer, pdu.byteOffset);
  return { unit, table, address: view.getUint16(1), count: view.getUint16(3) };
}

const exceptionPdu = (code: number, exception: number) => Uint8Array.of(code | 0x80, exception);

function answerPdu({ unit, table, address, count }: ReadRequest, units: ReadonlyMap<number, Unit>): Uint8Array {
  const code = readFunction[table];
  const device = units.get(unit);
  // As a gateway answers for a unit that is not there.
  if (device === undefined) return exceptionPdu(code, 11);
  if (count < 1 || count > (isBitTable(table) ? 2000 : 125)) return exceptionPdu(code, 3);
  const values: number[] = [];
  for (let at = address; at < address + count; at++) {
    const value = at > 0xffff ? undefined : device(table, at);
    if (value === undefined) return exceptionPdu(code, 2);
    values.push(value);
  }
  const data = isBitTable(table) ? packBits(values) : values.flatMap(word => [(word >> 8) & 0xff, word & 0xff]);
  return Uint8Array.of(code, data.length, ...data);
}

function packBits(bits: readonly number[]): number[] {
  const bytes = new Array<number>(Math.ceil(bits.length / 8)).fill(0);
  for (const [at, bit] of bits.entries()) if (bit) bytes[at >> 3] = (bytes[at >> 3] ?? 0) | (1 << (at & 7));
  return bytes;
}

type Wrong = { transaction?: number; protocol?: number; length?: number; unit?: number };

/** The frame with its header; every field of it can be made wrong. */
function adu(frame: Frame, pdu: Uint8Array, wrong: Wrong = {}): Buffer {
  const header = Buffer.alloc(7);
  header.writeUInt16BE((wrong.transaction ?? frame.transaction) & 0xffff, 0);
  header.writeUInt16BE(wrong.protocol ?? 0, 2);
  header.writeUInt16BE(wrong.length ?? pdu.length + 1, 4);
  header.writeUInt8(wrong.unit ?? frame.unit, 6);
  return Buffer.concat([header, pdu]);
}

/** What goes over the line instead of the right answer. */
function wrongAnswer(how: BytesWrong, frame: Frame, right: Uint8Array): Uint8Array {
  const code = frame.pdu[0] ?? 0;
  const whole = adu(frame, right);
  switch (how.kind) {
    case 'exception':
      return adu(frame, exceptionPdu(code, how.code));
    case 'partial':
      return whole.subarray(0, how.bytes);
    case 'byte-count':
      return adu(frame, right.with(1, ((right[1] ?? 0) + how.by) & 0xff));
    case 'words': {
      const pdu = Buffer.alloc(right.length + how.by * 2);
      pdu.set(right.subarray(0, pdu.length));
      pdu[1] = pdu.length - 2;
      return adu(frame, pdu);
    }
    case 'length':
      return adu(frame, right, { length: how.value });
    case 'protocol':
      return adu(frame, right, { protocol: how.id });
    case 'transaction':
      return adu(frame, right, { transaction: frame.transaction + how.by });
    case 'unit':
      return adu(frame, how.exception === undefined ? right : exceptionPdu(code, how.exception), { unit: how.id });
    case 'function':
      return adu(frame, right.with(0, how.code));
    case 'duplicate':
      return Buffer.concat([whole, whole]);
    case 'garbage':
      return {
        before: Buffer.concat([how.bytes, whole]),
        after: Buffer.concat([whole, how.bytes]),
        instead: how.bytes,
      }[how.place];
  }
}
