// The way to a controller: H4 over TCP, or the kernel's socket of hciN with the native module that comes with noble.
import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { expected, reasonOf } from '../kernel/fault.ts';
import { h4Reader } from './h4.ts';
import { codeOf } from '../reading/error-code.ts';

export type Transport = {
  /** One whole packet, type byte first. */
  send(packet: Buffer): void;
  /** hciN: the adapter is switched on. */
  isUp(): boolean;
  /** The controller is ours alone: it may be reset, and takes one command at a time. The kernel has its own ways. */
  readonly exclusive: boolean;
  /** Resolves when what was on its way here has been taken. */
  close(): Promise<void>;
};

export type TransportEvents = {
  onPacket(packet: Buffer): void;
  /** The way is lost for good; once. */
  onEnd(reason: string): void;
  /** The kernel refuses commands of this user. */
  onDenied(): void;
};

/** Why there is no controller: `unsupported` does not change by itself, `off` may. */
export type NoController = { state: 'off' | 'unsupported' | 'unauthorized'; reason: string };

const CONNECT_MS = 3000;
const READ_BYTES = 64 * 1024;
/** A controller that is told of the end answers with its own at once, or never. */
const END_MS = 500;

export function openTcp(host: string, port: number, events: TransportEvents): Promise<Transport | NoController> {
  return new Promise(resolve => {
    let reason = 'the connection was closed';
    let opened = false;
    const read = h4Reader(events.onPacket);
    const take = (bytes: Buffer): void => {
      if (!read(bytes)) socket.destroy(new Error('H4 framing lost'));
    };
    // Into the same memory each time, since each packet is copied: a new piece for each read would lie about until the next
    // collection, and be most of what this process takes at ten thousand adverts a second.
    const onread = {
      buffer: Buffer.alloc(READ_BYTES),
      callback(length: number, bytes: Uint8Array) {
        take(Buffer.from(bytes.buffer, bytes.byteOffset, length));
        return true;
      },
    };
    const socket = connect({ host, port, noDelay: true, keepAlive: true, onread });
    const late = setTimeout(() => socket.destroy(new Error(`no answer within ${CONNECT_MS / 1000} s`)), CONNECT_MS);
    socket.once('connect', () => {
      clearTimeout(late);
      opened = true;
      resolve({
        send: packet => void socket.write(packet),
        isUp: () => !socket.destroyed,
        exclusive: true,
        close: () =>
          new Promise(ended => {
            const late = setTimeout(() => socket.destroy(), END_MS);
            socket.once('close', () => {
              clearTimeout(late);
              ended();
            });
            if (socket.destroyed) ended();
            else socket.end();
          }),
      });
    });
    socket.on('error', error => {
      reason = reasonOf(error);
    });
    socket.once('close', () => {
      clearTimeout(late);
      const why = `controller at ${host}:${port}: ${reason}`;
      if (opened) events.onEnd(why);
      else resolve({ state: 'off', reason: why });
    });
  });
}

/** What the native module gives; noble brings it along. */
export type KernelSocket = {
  bindRaw(device: number): number;
  isDevUp(): boolean;
  setFilter(filter: Buffer): void;
  start(): void;
  stop(): void;
  write(packet: Buffer): void;
  emit(event: string, value: unknown): boolean;
};

/** Where this machine shows its adapters, where it shows them, and how it gives a socket of one. */
export type Machine = { adapters: string | undefined; socket: () => KernelSocket };

const here: Machine = {
  adapters: process.platform === 'linux' ? '/sys/class/bluetooth' : undefined,
  socket: () => new (createRequire(import.meta.url)('@abandonware/bluetooth-hci-socket') as new () => KernelSocket)(),
};

export function openKernel(
  device: number,
  filter: Buffer,
  events: TransportEvents,
  { adapters, socket: newSocket }: Machine = here,
): Transport | NoController {
  const name = `hci${device}`;
  if (adapters !== undefined) {
    if (!existsSync(adapters))
      return { state: 'unsupported', reason: 'this machine has no Bluetooth: neither an adapter nor its drivers' };
    const present = readdirSync(adapters).filter(entry => /^hci\d+$/.test(entry));
    if (!present.includes(name))
      return {
        state: 'off',
        reason: expected('adapter', `one of ${present.join(', ') || '(none is plugged in)'}`, name),
      };
  }
  let socket: KernelSocket;
  try {
    socket = newSocket();
    // The module calls `emit` of the object itself.
    socket.emit = (event, value) => {
      if (event === 'data') events.onPacket(value as Buffer);
      else if (codeOf(value) === 'EPERM') events.onDenied();
      return true;
    };
    socket.bindRaw(device);
    socket.setFilter(filter);
    socket.start();
  } catch (error) {
    return whyNoSocket(error as NodeJS.ErrnoException, name);
  }
  return {
    send: packet => socket.write(packet),
    isUp: () => socket.isDevUp(),
    exclusive: false,
    async close() {
      socket.stop();
    },
  };
}

function whyNoSocket(error: NodeJS.ErrnoException, name: string): NoController {
  if (error.code === 'EPERM' || error.code === 'EACCES') return { state: 'unauthorized', reason: permissionReason() };
  if (/EAFNOSUPPORT|Address family not supported/.test(`${error.code} ${error.message}`))
    return { state: 'unsupported', reason: 'this machine has no Bluetooth: the system knows no Bluetooth sockets' };
  if (error.code === 'ENODEV') return { state: 'off', reason: `adapter ${name} is not plugged in` };
  return {
    state: 'unsupported',
    reason: `the native part of noble does not load (${reasonOf(error)}); run: npm rebuild @abandonware/bluetooth-hci-socket`,
  };
}

/** With the command that grants it to this Node. */
export function permissionReason(): string {
  return `no permission to use the adapter; run: sudo setcap cap_net_raw,cap_net_admin+eip ${process.execPath}`;
}
