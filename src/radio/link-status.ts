// What a link tells of its device: the status message of seed 000 (A03), without what the link cannot know.
import { type Clock, systemClock } from '../kernel/clock.ts';

/** A03; rssi, firmware and battery are absent until the radio gives them. */
export type StatusMessage = {
  type: 'status';
  device_id: string;
  connected: boolean;
  measurements_today: number;
  last_measurement?: string;
};

export type LinkStatus = {
  connected(is: boolean): void;
  /** A measurement arrived, milliseconds since the epoch. */
  measured(at: number): void;
  /** Today, by the day of UTC. */
  readonly measurements: number;
  message(): StatusMessage;
};

const dayOf = (ms: number): number => Math.floor(ms / 86_400_000);

export function linkStatus(deviceId: string, clock: Clock = systemClock): LinkStatus {
  let connected = false;
  let day = dayOf(clock.now());
  let today = 0;
  let last: number | undefined;
  function turnDay(now: number): void {
    if (dayOf(now) === day) return;
    day = dayOf(now);
    today = 0;
  }
  return {
    connected(is) {
      connected = is;
    },
    measured(at) {
      turnDay(at);
      today++;
      last = at;
    },
    get measurements() {
      turnDay(clock.now());
      return today;
    },
    message() {
      turnDay(clock.now());
      return {
        type: 'status',
        device_id: deviceId,
        connected,
        measurements_today: today,
        ...(last === undefined ? {} : { last_measurement: new Date(last).toISOString() }),
      };
    },
  };
}
