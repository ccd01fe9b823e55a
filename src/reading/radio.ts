// The Radio contract: what ble-scan and ble-gatt ask of a radio, whether a child process with noble or a replay of captures.
import type { AdvertWire } from './advert.ts';

export type HeardAdvert = Omit<AdvertWire, 'scanner_id' | 'timestamp'> & { address: string; receivedAt: number };

export type RadioState = { state: 'on' | 'off' | 'unsupported' | 'unauthorized' | 'starting'; reason: string };

/** What a device offers; UUIDs of 4 hex digits, or whole with dashes. */
export type GattService = {
  uuid: string;
  /** Properties: read, write, writeWithoutResponse, notify, indicate … */
  characteristics: readonly { uuid: string; properties: readonly string[] }[];
};

export type Link = {
  services(): Promise<readonly GattService[]>;
  /** Calls back for every notification or indication until the link ends. */
  subscribe(
    service: string,
    characteristic: string,
    onData: (bytes: Uint8Array, receivedAt: number) => void,
  ): Promise<void>;
  write(service: string, characteristic: string, bytes: Uint8Array, withResponse: boolean): Promise<void>;
  read(service: string, characteristic: string): Promise<Uint8Array>;
  /** Signal strength in dBm, asked for every few seconds; undefined where it is not known. */
  readonly rssi?: number | undefined;
  /** Resolves with the reason when the link has ended, from either side. */
  readonly ended: Promise<string>;
  disconnect(): Promise<void>;
};

/**
 * `full`: the flows are slower than the radio; `ended`: they were with the Bluetooth process when it ended; `damaged`: what
 * the controller reported could not be read.
 */
export type LostListener = (count: number, reason: string, why: 'full' | 'ended' | 'damaged') => void;

export type Radio = {
  /**
   * Every advert as heard: nothing merged, nothing left out; while `isBusy` they wait where they are smallest. Returns the
   * stop, which resolves when all that was heard before it has come through.
   */
  scan(onAdvert: (advert: HeardAdvert) => void, isBusy?: () => boolean): () => Promise<void>;
  /** Rejects when the device is not heard in time, refuses, or the signal says that nobody waits any more. */
  connect(address: string, signal?: AbortSignal): Promise<Link>;
  onState(listener: (state: RadioState) => void): void;
  /** Adverts that the radio heard and could not hand over, with the reason. */
  onLost(listener: LostListener): void;
  /** What was wrong and has been dealt with, for a log; a kind of fault at most every ten seconds. */
  onFault(listener: (reason: string) => void): void;
  close(): Promise<void>;
};
