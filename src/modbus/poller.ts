// Polls one unit in its timetable, makes a reading of each poll that brought something, and keeps what its health is.
import { digest, toHex } from '../kernel/bytes.ts';
import type { Reading } from '../reading/reading.ts';
import type { Bus } from './bus.ts';
import type { ModbusFault } from './fault.ts';
import type { RegisterMap } from './map.ts';
import type { Limits } from './plan.ts';
import { type Poll, registerReader } from './reader.ts';
import { schedule } from './schedule.ts';
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
  /** After every poll, whatever it brought. */
  onPoll(health: Health): void;
};

/** ok: all registers answered. partial: some did. failing: none. */
export type Health = {
  state: 'starting' | 'ok' | 'partial' | 'failing';
  faults: readonly ModbusFault[];
  /** Metrics of the last poll that came, and that did not. */
  values: number;
  absent: Readonly<Record<string, string>>;
  polls: number;
  overruns: number;
  /** Steady milliseconds of the last reading. */
  lastReadingAt: number | undefined;
  /** Readings a second, smoothed over the last few. */
  ratePerS: number;
  /** Milliseconds that the last poll took. */
  tookMs: number;
};

export type Poller = {
  readonly health: Health;
  /** Slots pass without a poll until `resume`. */
  pause(): void;
  resume(): void;
  stop(): void;
};

/** The first poll runs at once. Throws a Fault where no request can carry a field of the map. */
export function startPoller(options: PollerOptions): Poller {
  const { timing, periodMs } = options;
  const reader = registerReader({ ...options, fields: options.map.fields });
  const health: Health = {
    state: 'starting',
    faults: [],
    values: 0,
    absent: {},
    polls: 0,
    overruns: 0,
    lastReadingAt: undefined,
    ratePerS: 0,
    tookMs: 0,
  };
  let stopped = false;
  let paused = false;

  async function run(): Promise<void> {
    if (paused) return;
    const began = timing.clock.steady();
    const poll = await reader.poll();
    if (stopped) return;
    health.polls++;
    health.tookMs = timing.clock.steady() - began;
    health.faults = poll.faults;
    health.values = Object.keys(poll.telemetry).length;
    health.absent = poll.quality;
    health.state = poll.answered === 0 ? 'failing' : poll.faults.length > 0 ? 'partial' : 'ok';
    if (poll.answered > 0) {
      noteReading(health, timing.clock.steady());
      options.onReading(readingOf(poll, options));
    }
    options.onPoll(health);
  }

  const timetable = schedule(periodMs, run, slots => (health.overruns += slots), timing);
  return {
    health,
    pause() {
      paused = true;
    },
    resume() {
      paused = false;
    },
    stop() {
      stopped = true;
      timetable.stop();
    },
  };
}

function noteReading(health: Health, now: number): void {
  if (health.lastReadingAt !== undefined && now > health.lastReadingAt) {
    const rate = 1000 / (now - health.lastReadingAt);
    health.ratePerS = health.ratePerS === 0 ? rate : 0.8 * health.ratePerS + 0.2 * rate;
  }
  health.lastReadingAt = now;
}

/** The time is the gateway's, taken when the last answer had come: Modbus units give none. */
function readingOf(poll: Poll, { bus, unit, map, deviceId, orgId, timing }: PollerOptions): Reading {
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
      // A poll is a message of its own: two polls with equal values are two rows.
      digest: digest(`${hex}@${timestamp}`),
      scannerId: bus.name,
      parser: map.name,
      timestampSource: 'gateway',
      raw: { topic: `modbus/${bus.name}/${unit}/${map.name}`, hex },
      ...(Object.keys(poll.quality).length > 0 && { quality: poll.quality }),
      ...(orgId !== undefined && { orgId }),
    },
  };
}
