// noble, with the gate in place of its native socket: loaded lazily, and only in the child.
import type { EventEmitter } from 'node:events';
import Module, { createRequire } from 'node:module';
import { reasonOf } from '../kernel/fault.ts';
import type { Gate } from './gate.ts';
import { codeOf } from '../reading/error-code.ts';

export type NobleCharacteristic = EventEmitter & {
  uuid: string;
  properties: readonly string[];
  subscribe(done: () => void): void;
  write(data: Buffer, withoutResponse: boolean, done: () => void): void;
  read(done: (error: unknown, data: Buffer) => void): void;
};
export type NobleService = {
  uuid: string;
  characteristics: NobleCharacteristic[] | null;
  discoverCharacteristics(uuids: string[], done: () => void): void;
};
export type NoblePeripheral = EventEmitter & {
  services: NobleService[] | null;
  connect(): void;
  discoverServices(uuids: string[], done: () => void): void;
};

type Maps = Record<string, Record<string, unknown>>;

/** What is used of noble 1.9.2-26; names with an underscore are its own, which is why the version is fixed. */
export type Noble = EventEmitter & {
  _peripherals: Record<string, NoblePeripheral>;
  startScanning(services: string[], duplicates: boolean): void;
  stopScanning(): void;
  connect(uuid: string): void;
  disconnect(uuid: string): void;
  cancelConnect(uuid: string): void;
};
export type NobleBindings = EventEmitter & {
  _scanServiceUuids: string[] | undefined;
  _pendingConnectionUuid: string | null;
  _handles: Record<string, number | string>;
  /** Its handler, which ends the process where it is the last one. */
  onSigIntBinded: () => void;
  _hci: {
    setEventMask(): void;
    setLeEventMask(): void /** Uses the commands of extended advertising. */;
    _isExtended: boolean;
  };
  onDiscover(
    status: number,
    address: string,
    addressType: 'public' | 'random',
    connectable: boolean,
    advertisement: object,
    rssi: number,
    scannable: boolean,
  ): void;
};

export type LoadedNoble = { noble: Noble; bindings: NobleBindings; forget(uuid: string): void };

const SOCKET = '@abandonware/bluetooth-hci-socket';
const MAPS_OF_NOBLE = ['_peripherals', '_services', '_characteristics', '_descriptors', '_discoveredPeripheralUUids'];
const MAPS_OF_BINDINGS = ['_addresses', '_addresseTypes', '_connectable', 'scannable'];

/** The reason, where noble is not installed or does not load. */
export function loadNoble(gate: Gate, extended: boolean): LoadedNoble | { reason: string } {
  const require = createRequire(import.meta.url);
  const loader = Module as unknown as { _load(request: string, ...rest: unknown[]): unknown };
  const load = loader._load;
  // The native module is compiled at install and may be missing; its name alone is what noble asks for.
  loader._load = (request, ...rest) => (request === SOCKET ? gate.Socket : load(request, ...rest));
  try {
    const Noble = require('@abandonware/noble/lib/noble.js') as new (bindings: NobleBindings) => Noble;
    const Bindings = require('@abandonware/noble/lib/hci-socket/bindings.js') as new (options: object) => NobleBindings;
    const bindings = new Bindings({ extended });
    const noble = new Noble(bindings);
    // Its own scan filter stays open; without it a device that we make known is not taken.
    bindings._scanServiceUuids = [];
    return { noble, bindings, forget: uuid => forgetIn(noble, bindings, uuid) };
  } catch (error) {
    return { reason: whyNotLoaded(error) };
  } finally {
    loader._load = load;
  }
}

/** noble keeps every device it ever saw, in nine maps. */
function forgetIn(noble: object, bindings: object, uuid: string): void {
  for (const name of MAPS_OF_NOBLE) delete (noble as Maps)[name]?.[uuid];
  for (const name of MAPS_OF_BINDINGS) delete (bindings as Maps)[name]?.[uuid];
}

function whyNotLoaded(error: unknown): string {
  return codeOf(error) === 'MODULE_NOT_FOUND'
    ? 'Bluetooth needs the package noble; install it beside this palette: npm install @abandonware/noble'
    : `noble does not load: ${reasonOf(error)}`;
}
