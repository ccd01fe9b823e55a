// What is on the air around an emulated controller: advertisers, with scan responses, random and rotating addresses.
import { randomBytes } from 'node:crypto';
import type { GattServer } from './gatt.ts';

export type AdvertiserOptions = {
  /** Upper case with colons. */
  address: string;
  random?: boolean;
  /** Takes a new random address after so many adverts. */
  rotateEvery?: number;
  /** AD structures; more than 31 bytes only where `extended`. */
  data: Uint8Array;
  scanResponse?: Uint8Array;
  connectable?: boolean;
  /** Advertises with extended PDUs, which only an extended scan hears. */
  extended?: boolean;
  /** Advertises on the coded PHY (long range), as extended ones may. */
  coded?: boolean;
  /** Tells that it also advertises periodically, so often. */
  periodicMs?: number;
  rssi?: number;
  everyMs: number;
  /** Its GATT server, where one can connect to it. */
  gatt?: GattServer;
};

/** One advert as it is on the air. */
export type OnAir = {
  address: string;
  random: boolean;
  data: Uint8Array;
  scanResponse: Uint8Array | undefined;
  connectable: boolean;
  extended: boolean;
  coded?: boolean;
  periodicMs?: number;
  rssi: number;
};

export type Device = AdvertiserOptions & { random: boolean; linked: boolean };

export type Air = {
  readonly devices: ReadonlySet<Device>;
  /** Begins to advertise; returns the end of it. */
  add(options: AdvertiserOptions): () => void;
  /** Sends one advert now, as often as a bench wants. */
  send(advert: OnAir): void;
  close(): void;
};

export function airOf(onAdvert: (advert: OnAir) => void): Air {
  const devices = new Set<Device>();
  const timers = new Set<NodeJS.Timeout>();

  return {
    devices,
    add(options) {
      const device: Device = { random: false, ...options, linked: false };
      let sent = 0;
      devices.add(device);
      const timer = setInterval(() => {
        if (device.linked) return;
        if (device.rotateEvery !== undefined && sent % device.rotateEvery === 0) {
          device.address = resolvableAddress();
          device.random = true;
        }
        sent++;
        const { address, random, data, scanResponse, connectable = device.gatt !== undefined } = device;
        const { extended = false, coded = false, periodicMs = 0, rssi = -60 } = device;
        onAdvert({ address, random, data, scanResponse, connectable, extended, coded, periodicMs, rssi });
      }, device.everyMs);
      timers.add(timer);
      return () => {
        clearInterval(timer);
        timers.delete(timer);
        devices.delete(device);
      };
    },
    send: onAdvert,
    close() {
      for (const timer of timers) clearInterval(timer);
      devices.clear();
    },
  };
}

/** A resolvable private address: the two highest bits are 01 (Core 5.4, Vol 6 Part B §1.3.2.2). */
export function resolvableAddress(): string {
  const bytes = randomBytes(6);
  bytes[0] = (bytes[0]! & 0x3f) | 0x40;
  return bytes.toString('hex').match(/../g)!.join(':').toUpperCase();
}

/** AD structures one after the other: type and value of each. */
export function adStructures(...structures: readonly (readonly [type: number, value: Uint8Array])[]): Uint8Array {
  return Buffer.concat(structures.flatMap(([type, value]) => [Buffer.of(value.length + 1, type), value]));
}
