// Connections of an emulated controller: establishing, ACL data to and from the devices, and their end.
import { PACKET } from '../../src/radio/h4.ts';
import { addressBytes, addressText, COMMAND, EVENT, eventPacket, LE_EVENT } from '../../src/radio/hci.ts';
import type { Device } from './air.ts';

export type ConnectionFaults = {
  /** Devices do not answer ATT requests. */
  muteAtt: boolean;
  /** Create Connection is taken and never completes. */
  muteConnect: boolean;
  /** Status of the next connections, e.g. 0x3e. */
  refuse: number[];
};

export type Connections = {
  readonly faults: ConnectionFaults;
  readonly count: number;
  /** Parameters of Create Connection, legacy or extended. Returns the command's status. */
  create(parameters: Buffer, extended: boolean): number;
  cancel(): number;
  /** Parameters of Disconnect; the status. */
  disconnect(handle: number): number;
  has(handle: number): boolean;
  /** An ACL packet of the host. */
  data(packet: Buffer): void;
  /** The device has gone: without a word of it where `silent`. */
  drop(address: string | undefined, reason: number, silent?: boolean): void;
};

const ATT = 0x0004;
const CONNECT_MS = 10;
const SUCCESS = 0;
const DISALLOWED = 0x0c;
const UNKNOWN = 0x02;
const ACL_LENGTH = 27;
const BY_HOST = 0x16;

type Pending = { address: string; random: boolean; extended: boolean };

export function connectionsOf(
  send: (packet: Buffer) => void,
  find: (address: string) => Device | undefined,
): Connections {
  const faults: ConnectionFaults = { muteAtt: false, muteConnect: false, refuse: [] };
  const links = new Map<number, Device>();
  let pending: Pending | undefined;
  let lastHandle = 0x3f;

  function complete(status: number, handle: number, { address, random, extended }: Pending): void {
    const peer = Buffer.concat([Buffer.of(random ? 1 : 0), addressBytes(address)]);
    const resolved = extended ? Buffer.alloc(12) : Buffer.alloc(0);
    const parameters = Buffer.of(0x18, 0, 0, 0, 0x2a, 0, 0);
    const head = Buffer.of(
      extended ? LE_EVENT.enhancedConnected : LE_EVENT.connected,
      status,
      handle & 0xff,
      handle >> 8,
      0,
    );
    send(eventPacket(EVENT.leMeta, Buffer.concat([head, peer, resolved, parameters])));
  }

  function tryConnect(wanted: Pending): void {
    if (pending !== wanted) return;
    const device = find(wanted.address);
    if (faults.muteConnect || device === undefined || device.linked || device.random !== wanted.random)
      return void setTimeout(tryConnect, CONNECT_MS, wanted);
    pending = undefined;
    const refused = faults.refuse.shift();
    if (refused !== undefined) {
      complete(refused, 0, wanted);
      return;
    }
    const handle = ++lastHandle;
    device.linked = true;
    links.set(handle, device);
    device.gatt?.reset(pdu => sendAtt(handle, pdu));
    complete(SUCCESS, handle, wanted);
  }

  /** In fragments, as controllers with small buffers do. */
  function sendAtt(handle: number, pdu: Buffer): void {
    if (!links.has(handle) || faults.muteAtt) return;
    const frame = Buffer.concat([Buffer.of(pdu.length & 0xff, pdu.length >> 8, ATT, 0), pdu]);
    for (let at = 0; at < frame.length; at += ACL_LENGTH) {
      const piece = frame.subarray(at, at + ACL_LENGTH);
      const head = Buffer.of(PACKET.acl, handle & 0xff, (handle >> 8) | (at === 0 ? 0x20 : 0x10), piece.length, 0);
      send(Buffer.concat([head, piece]));
    }
  }

  function end(handle: number, reason: number, silent: boolean): void {
    const device = links.get(handle);
    links.delete(handle);
    if (device !== undefined) device.linked = false;
    if (!silent) send(eventPacket(EVENT.disconnected, Buffer.of(SUCCESS, handle & 0xff, handle >> 8, reason)));
  }

  return {
    faults,
    get count() {
      return links.size;
    },
    create(parameters, extended) {
      if (pending !== undefined) return DISALLOWED;
      const at = extended ? 2 : 5;
      pending = {
        address: addressText(parameters.subarray(at + 1, at + 7)),
        random: parameters[at] === 1,
        extended,
      };
      setTimeout(tryConnect, CONNECT_MS, pending);
      return SUCCESS;
    },
    cancel() {
      const cancelled = pending;
      if (cancelled === undefined) return DISALLOWED;
      pending = undefined;
      setImmediate(() => complete(UNKNOWN, 0, cancelled));
      return SUCCESS;
    },
    disconnect(handle) {
      if (!links.has(handle)) return UNKNOWN;
      setImmediate(() => end(handle, BY_HOST, false));
      return SUCCESS;
    },
    has: handle => links.has(handle),
    data(packet) {
      const handle = packet.readUInt16LE(1) & 0x0fff;
      const device = links.get(handle);
      if (device === undefined) return;
      send(eventPacket(EVENT.completedPackets, Buffer.of(1, handle & 0xff, handle >> 8, 1, 0)));
      if (packet.length < 9 || packet.readUInt16LE(7) !== ATT) return;
      const answer = faults.muteAtt ? undefined : device.gatt?.answer(packet.subarray(9));
      if (answer !== undefined) sendAtt(handle, answer);
    },
    drop(address, reason, silent = false) {
      for (const [handle, device] of [...links])
        if (address === undefined || device.address === address) end(handle, reason, silent);
      if (address === undefined) pending = undefined;
    },
  };
}

/** Opcodes that create a connection, and whether they are of the extended kind. */
export const createCommands: ReadonlyMap<number, boolean> = new Map([
  [COMMAND.leCreateConnection, false],
  [COMMAND.leExtendedCreateConnection, true],
]);
