// An emulated Bluetooth controller: HCI in H4 over TCP, strict as real ones are, with faults on demand.
import { createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { h4Reader, PACKET } from '../../src/radio/h4.ts';
import { addressBytes, COMMAND, EVENT, eventPacket, LE_EVENT, opcodeOf } from '../../src/radio/hci.ts';
import { type Air, airOf, type OnAir } from './air.ts';
import { type Connections, connectionsOf, createCommands } from './connections.ts';
import { reportsOf } from './reports.ts';

export type ControllerOptions = {
  port?: number;
  /** Knows extended advertising and scanning. */
  extended?: boolean;
  /** … and the coded PHY. */
  coded?: boolean;
};

export type EmulatedController = {
  readonly port: number;
  readonly air: Air;
  readonly connections: Connections;
  readonly faults: ControllerFaults;
  /** How it scans at the moment. */
  readonly scanning: 'off' | 'passive' | 'active';
  /** Commands that came, by opcode. */
  readonly commands: ReadonlyMap<number, number>;
  /** Reports that were sent to the host. */
  readonly reported: number;
  /** Packets that were sent to the host. */
  readonly sent: number;
  /** Connections of hosts so far. */
  readonly hosts: number;
  /** Port of the host that is connected, on its side. */
  readonly hostPort: number | undefined;
  close(): Promise<void>;
};

export type ControllerFaults = {
  /** Commands are not answered. */
  muteCommands: boolean;
  /** Status of scan enable commands. */
  refuseScan: number;
  /** The scan stops without a word. */
  stopScan(): void;
  /** Forgets everything, links as well, without a word. */
  resetSilently(): void;
  /** Tells of a hardware error, and is of no use until it is reset. */
  hardwareError(code: number): void;
  /** Bytes to the host as they are: short packets, lost framing. */
  inject(bytes: Uint8Array): void;
  /** Cuts the TCP connection, and takes no other until `up`. */
  down(): Promise<void>;
  up(): Promise<void>;
  /** Cuts the TCP connection; the next is taken. */
  cut(): void;
};

const ADDRESS = 'C0:FF:EE:00:00:01';
const UNKNOWN_COMMAND = 0x01;
const UNKNOWN_CONNECTION = 0x02;
const DISALLOWED = 0x0c;
const UNSUPPORTED = 0x11;
const CODED_BIT = 4;
const LE_META_BIT = 61n;
const DEFAULT_EVENTS = 0x00001fffffffffffn;
const DEFAULT_LE_EVENTS = 0x1fn;
const HCI_VERSION = { legacy: 0x08, extended: 0x0b } as const;
/** Adverts wait here for a host that reads slowly; beyond, they are lost as on a real controller. */
const MAX_BUFFERED = 1 << 20;

export async function emulatedController({
  port = 0,
  coded = false,
  extended = coded,
}: ControllerOptions = {}): Promise<EmulatedController> {
  let socket: Socket | undefined;
  let state = initialState();
  let dead = false;
  let reported = 0;
  let sent = 0;
  let hosts = 0;
  const commands = new Map<number, number>();
  const air = airOf(report);
  const connections = connectionsOf(send, address =>
    [...air.devices].find(device => device.address === address && device.gatt !== undefined),
  );

  const isHeard = (): boolean => !dead && socket?.writable === true;

  function send(packet: Buffer): void {
    if (!isHeard()) return;
    socket?.write(packet);
    sent++;
  }

  function report(advert: OnAir): void {
    const { scan, style } = state;
    const hears =
      (state.events >> LE_META_BIT) &
      (state.leEvents >> BigInt((scan === 'extended' ? LE_EVENT.extendedAdvert : LE_EVENT.advert) - 1)) &
      1n;
    if (scan === 'off' || hears === 0n || (advert.extended && scan !== 'extended')) return;
    if (advert.coded && !state.coded) return;
    if (!isHeard() || (socket?.writableLength ?? 0) > MAX_BUFFERED) return;
    const answers = style === 'active' && advert.scanResponse !== undefined;
    for (const packet of reportsOf(advert, scan === 'extended', false)) send(packet);
    if (answers) for (const packet of reportsOf(advert, scan === 'extended', true)) send(packet);
    reported += answers ? 2 : 1;
  }

  function reset(): void {
    connections.drop(undefined, 0, true);
    state = initialState();
  }

  function setScan(kind: 'legacy' | 'extended', parameters: Buffer): number {
    // Legacy and extended commands do not mix (Core 5.4, Vol 4 Part E §3.1.1).
    if (state.used !== undefined && state.used !== kind) return DISALLOWED;
    if (kind === 'extended' && !extended) return UNKNOWN_COMMAND;
    state.used = kind;
    if (parameters[0] === 1 && faults.refuseScan !== 0) return faults.refuseScan;
    state.scan = parameters[0] === 1 ? kind : 'off';
    return 0;
  }

  function setStyle(kind: 'legacy' | 'extended', type: number): number {
    if ((state.used !== undefined && state.used !== kind) || state.scan !== 'off') return DISALLOWED;
    if (kind === 'extended' && !extended) return UNKNOWN_COMMAND;
    state.style = type === 1 ? 'active' : 'passive';
    return 0;
  }

  /** Return parameters, status first. */
  function perform(opcode: number, parameters: Buffer): Buffer {
    const status = (value: number): Buffer => Buffer.of(value);
    switch (opcode) {
      case COMMAND.reset:
        reset();
        return status(0);
      case COMMAND.setEventMask:
        state.events = parameters.readBigUInt64LE();
        return status(0);
      case COMMAND.leSetEventMask:
        state.leEvents = parameters.readBigUInt64LE();
        return status(0);
      case COMMAND.readLeHost:
        return Buffer.of(0, 1, 0);
      case COMMAND.writeLeHost:
      case COMMAND.leSetDefaultPhy:
        return status(0);
      case COMMAND.readLocalVersion:
        return Buffer.of(0, extended ? HCI_VERSION.extended : HCI_VERSION.legacy, 0, 0, 8, 0xff, 0xff, 0, 0);
      case COMMAND.readBdAddr:
        return Buffer.concat([status(0), addressBytes(ADDRESS)]);
      case COMMAND.leReadBufferSize:
        return Buffer.of(0, 251, 0, 8);
      case COMMAND.leReadFeatures:
        return Buffer.of(0, 0x01, (extended ? 0x10 : 0) | (coded ? 0x08 : 0), 0, 0, 0, 0, 0, 0);
      case COMMAND.leSetScanParameters:
        return status(setStyle('legacy', parameters[0] ?? 0));
      case COMMAND.leSetExtendedScanParameters: {
        const phys = parameters[2] ?? 0;
        if ((phys & CODED_BIT) !== 0 && !coded) return status(UNSUPPORTED);
        state.coded = (phys & CODED_BIT) !== 0;
        return status(setStyle('extended', parameters[3] ?? 0));
      }
      case COMMAND.leSetScanEnable:
        return status(setScan('legacy', parameters));
      case COMMAND.leSetExtendedScanEnable:
        return status(setScan('extended', parameters));
      case COMMAND.leCancelConnection:
        return status(connections.cancel());
      case COMMAND.readRssi: {
        const handle = parameters.subarray(0, 2);
        const known = connections.has(parameters.readUInt16LE());
        return Buffer.concat([status(known ? 0 : UNKNOWN_CONNECTION), handle, Buffer.of(known ? 0xc8 : 0)]);
      }
      default:
        return status(UNKNOWN_COMMAND);
    }
  }

  function take(packet: Buffer): void {
    if (packet[0] === PACKET.acl) connections.data(packet);
    if (packet[0] !== PACKET.command) return;
    const opcode = opcodeOf(packet);
    commands.set(opcode, (commands.get(opcode) ?? 0) + 1);
    if (faults.muteCommands) return;
    if (opcode === COMMAND.reset) dead = false;
    const code = Buffer.of(opcode & 0xff, opcode >> 8);
    const created = createCommands.get(opcode);
    if (created !== undefined || opcode === COMMAND.disconnect) {
      const parameters = packet.subarray(4);
      // Many controllers cannot look for a device and listen at the same time.
      const status =
        created === undefined
          ? connections.disconnect(parameters.readUInt16LE())
          : state.scan === 'off'
            ? connections.create(parameters, created)
            : DISALLOWED;
      send(eventPacket(EVENT.commandStatus, Buffer.concat([Buffer.of(status, 1), code])));
      return;
    }
    const answer = perform(opcode, packet.subarray(4));
    send(eventPacket(EVENT.commandComplete, Buffer.concat([Buffer.of(1), code, answer])));
  }

  const server: Server = createServer(connection => {
    socket?.destroy();
    hosts++;
    socket = connection.setNoDelay(true);
    reset();
    dead = false;
    const read = h4Reader(take);
    connection.on('data', bytes => {
      if (!read(bytes)) connection.destroy();
    });
    connection.on('error', () => {});
    connection.on('close', () => {
      if (socket !== connection) return;
      socket = undefined;
      reset();
    });
  });
  const listen = (on: number): Promise<void> => new Promise(resolve => server.listen(on, '127.0.0.1', resolve));
  const close = (): Promise<void> =>
    new Promise(resolve => {
      server.close(() => resolve());
      socket?.destroy();
    });
  await listen(port);
  const bound = (server.address() as AddressInfo).port;

  const faults: ControllerFaults = {
    muteCommands: false,
    refuseScan: 0,
    stopScan() {
      state.scan = 'off';
    },
    resetSilently: reset,
    hardwareError(code) {
      send(eventPacket(EVENT.hardwareError, Buffer.of(code)));
      reset();
      dead = true;
    },
    inject: bytes => void socket?.write(bytes),
    down: close,
    up: () => listen(bound),
    cut: () => void socket?.destroy(),
  };

  return {
    port: bound,
    air,
    connections,
    faults,
    get scanning() {
      return state.scan === 'off' ? 'off' : state.style;
    },
    commands,
    get reported() {
      return reported;
    },
    get sent() {
      return sent;
    },
    get hosts() {
      return hosts;
    },
    get hostPort() {
      return socket?.remotePort;
    },
    async close() {
      air.close();
      if (server.listening) await close();
    },
  };
}

type State = {
  scan: 'off' | 'legacy' | 'extended';
  style: 'passive' | 'active';
  /** Listens on the coded PHY, too. */
  coded: boolean;
  /** The kind of commands that were used since the reset. */
  used: 'legacy' | 'extended' | undefined;
  events: bigint;
  leEvents: bigint;
};

function initialState(): State {
  const masks = { events: DEFAULT_EVENTS, leEvents: DEFAULT_LE_EVENTS };
  return { scan: 'off', style: 'passive', coded: false, used: undefined, ...masks };
}
