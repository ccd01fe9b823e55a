// Polls one unit in its timetable, makes a reading of each poll that brought something, and keeps what its health is.
import { digest, toHex } from '../kernel/bytes.ts';
import { noteUnits } from '../reading/carried-unit.ts';
import type { Reading } from '../reading/reading.ts';
import type { Bus } from './bus.ts';
import { type Health, noteReading, starting, together } from './health.ts';
import type { RegisterMap } from './map.ts';
import { type Limits, limitsOf } from './plan.ts';
import { type Poll, registerReader } from './reader.ts';
import { type Schedule, schedule } from './schedule.ts';
import type { Timing } from './timing.ts';

export type PollerOptions = {
  bus: Pick<Bus, 'read' | 'name'>;
  unit: number;
  map: RegisterMap;
  deviceId: string;
  orgId?: string;
  periodMs: number;
  limits: Limits;
  timing: Timing;
  onReading(reading: Reading): void;
  /** After every poll, whatever it brought. `polled`: how the registers of that period are doing, which are all where the map has one. */
  onPoll(health: Health, polled: Health): void;
};

export type Poller = {
  readonly health: Health;
  /** Slots pass without a poll until `resume`. */
  pause(): void;
  resume(): void;
  stop(): void;
};

/**
 * The first poll runs at once. Registers with a period of their own are read in rounds of their own, each with its own
 * timetable and readings. Throws a Fault where no request can carry a field of the map.
 */
export function startPoller(options: PollerOptions): Poller {
  const { timing, periodMs, map } = options;
  noteUnits(map.name, new Map(map.fields.flatMap(({ metric, unit }) => (unit === undefined ? [] : [[metric, unit]]))));
  const periods = Map.groupBy(map.fields, field => field.every ?? periodMs);
  let stopped = false;
  let paused = false;

  const rounds = [...periods].map(([every, fields]) => {
    const limits = limitsOf(options.limits, map.limits);
    const reader = registerReader({ ...options, fields, limits, sunspec: map.sunspec });
    return { every, reader, health: starting(), timetable: undefined as Schedule | undefined };
  });
  type Round = (typeof rounds)[number];

  async function run({ every, reader, health }: Round): Promise<void> {
    if (paused) return;
    const began = timing.clock.steady();
    const poll = await reader.poll();
    if (stopped) return;
    health.polls++;
    health.tookMs = timing.clock.steady() - began;
    health.met = poll.faults.filter(fault => !health.faults.includes(fault));
    health.faults = poll.faults;
    health.values = Object.keys(poll.telemetry).length;
    health.absent = poll.quality;
    health.unusable = poll.unusable;
    health.state = poll.answered === 0 ? 'failing' : poll.faults.length > 0 ? 'partial' : 'ok';
    // A unit may answer and have no value at all, as an inverter at night.
    if (health.values > 0) {
      noteReading(health, timing.clock.steady());
      options.onReading(readingOf(poll, options, rounds.length === 1 ? '' : `@${every}`));
    }
    options.onPoll(together(rounds.map(round => round.health)), health);
  }

  for (const round of rounds)
    round.timetable = schedule(
      round.every,
      () => run(round),
      slots => (round.health.overruns += slots),
      timing,
    );
  return {
    get health() {
      return together(rounds.map(round => round.health));
    },
    pause() {
      paused = true;
    },
    resume() {
      paused = false;
    },
    stop() {
      stopped = true;
      for (const { timetable } of rounds) timetable?.stop();
    },
  };
}

/** The time is the gateway's, taken when the last answer had come: Modbus units give none. */
function readingOf(poll: Poll, { bus, unit, map, deviceId, orgId, timing }: PollerOptions, round: string): Reading {
  const receivedAt = timing.clock.now();
  const timestamp = new Date(receivedAt).toISOString();
  const hex = toHex(poll.bytes);
  return {
    deviceId,
    protocol: 'modbus',
    timestamp,
    telemetry: poll.telemetry,
    metadata: {
      receivedAt,
      // A poll is a message of its own: two polls with equal values are two rows, and so are two rounds of one moment.
      digest: digest(`${hex}@${timestamp}${round}`),
      scannerId: bus.name,
      parser: map.name,
      timestampSource: 'gateway',
      raw: { topic: `modbus/${bus.name}/${unit}/${map.name}`, hex },
      ...(Object.keys(poll.quality).length > 0 && { quality: poll.quality }),
      ...(orgId !== undefined && { orgId }),
    },
  };
}
