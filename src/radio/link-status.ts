// What a link tells of its device: the status message of seed 000 (A03), without what the link cannot know.
import { type Clock, systemClock } from '../kernel/clock.ts';
import { quantity } from '../reading/quantity.ts';
import type { DeviceDetails } from './device-details.ts';

/** A03; rssi, firmware and battery are absent until the device gives them. */
export type StatusMessage = {
  type: 'status';
  device_id: string;
  connected: boolean;
  /** dBm, while connected. */
  rssi?: number;
  measurements_today: number;
  last_measurement?: string;
} & DeviceDetails;

export type LinkStatus = {
  connected(is: boolean): void;
  /** What the device tells of itself; the last of it is kept while the link is away. */
  describe(details: DeviceDetails): void;
  /** A measurement arrived, milliseconds since the epoch. */
  measured(at: number): void;
  /** "1 measurement today", by the day of UTC. */
  readonly measurements: string;
  /** `rssi` of the link, where it is known. */
  message(rssi?: number): StatusMessage;
};

const dayOf = (ms: number): number => Math.floor(ms / 86_400_000);

export function linkStatus(deviceId: string, clock: Clock = systemClock): LinkStatus {
  let connected = false;
  let day = dayOf(clock.now());
  let today = 0;
  let last: number | undefined;
  let details: DeviceDetails = {};
  function turnDay(now: number): void {
    if (dayOf(now) === day) return;
    day = dayOf(now);
    today = 0;
  }
  return {
    connected(is) {
      connected = is;
    },
    describe(told) {
      details = { ...details, ...told };
    },
    measured(at) {
      turnDay(at);
      today++;
      last = at;
    },
    get measurements() {
      turnDay(clock.now());
      return `${quantity(today, 'measurement')} today`;
    },
    message(rssi) {
      turnDay(clock.now());
      return {
        type: 'status',
        device_id: deviceId,
        connected,
        ...(connected && rssi !== undefined ? { rssi } : {}),
        ...details,
        measurements_today: today,
        ...(last === undefined ? {} : { last_measurement: new Date(last).toISOString() }),
      };
    },
  };
}

/** What a node shows: red where somebody must see to the machine first. */
export function linkWords(connected: boolean, reason: string): readonly ['green' | 'yellow' | 'red', string] {
  if (connected) return ['green', 'connected'];
  return [/^(unsupported|unauthorized):/.test(reason) ? 'red' : 'yellow', `not connected, trying again: ${reason}`];
}
