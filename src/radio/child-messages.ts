// What the Bluetooth process and its parent say to each other.
import type { RadioState } from '../reading/radio.ts';
import type { Controller } from './controller-name.ts';

/** Milliseconds; the ones of the product stand in `radioTimes`. */
export type RadioTimes = {
  /** A command without an answer for so long: the controller is dead. */
  command: number;
  /** From the first try of a connection to the link. */
  connect: number;
  /** A GATT operation; 30 s by the specification, which is too long for a measurement to wait. */
  operation: number;
  /** Without an advert for so long the scan is switched off and on. */
  quiet: number;
  /** … and for so long the controller is set up anew. */
  deaf: number;
  /** How often a link is asked for its signal strength, which also tells that it lives. */
  probe: number;
  /** How often the child says that it lives. */
  beat: number;
  /** Without a word from the child for so long it is killed. */
  hung: number;
  /** The first wait before a new child. */
  restart: number;
};

export const radioTimes: RadioTimes = {
  command: 2000,
  connect: 4000,
  operation: 4000,
  quiet: 4000,
  deaf: 7000,
  probe: 2000,
  beat: 1000,
  hung: 4000,
  restart: 100,
};

export type ToChild =
  | { open: Controller; times: RadioTimes }
  | { scan: boolean; active: boolean }
  /** A batch of adverts has been taken. */
  | { taken: true }
  /** All adverts heard so far are sent before the answer. */
  | { id: number; flush: true }
  /** Nobody waits for this device any more. */
  | { cancel: string }
  | { id: number; connect: string; within: number }
  | { id: number; link: number; services: true }
  | { id: number; link: number; subscribe: CharacteristicName }
  | { id: number; link: number; write: CharacteristicName; bytes: Uint8Array; withResponse: boolean }
  | { id: number; link: number; read: CharacteristicName }
  | { id: number; link: number; disconnect: true };

export type CharacteristicName = { service: string; characteristic: string };

export type FromChild =
  | { adverts: Uint8Array }
  | { id: number; value?: unknown }
  | { id: number; error: string }
  | { link: number; characteristic: string; bytes: Uint8Array; at: number }
  | { link: number; rssi: number }
  | { link: number; ended: string }
  | { state: RadioState }
  | { beat: ChildFigures }
  | { fault: string };

/** Counts since the child started. */
export type ChildFigures = {
  rss: number;
  heard: number;
  dropped: number;
  /** Reports of adverts that could not be read. */
  damaged: number;
  faults: number;
};
