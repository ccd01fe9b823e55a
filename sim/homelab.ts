// Demo devices of a home on MQTT: what each would publish at a given second; the same second gives the same values.

export type Publication = { topic: string; payload: string };

const DAY_S = 86_400;
/** A surge of this length starts every so many seconds, so that the anomaly score has something to find. */
const SURGE_EVERY_S = 300;
const SURGE_S = 6;

/** From -1 to 1, the same for the same second and device. */
function noise(seconds: number, device: number): number {
  const x = Math.sin((Math.floor(seconds) + device * 7919) * 12.9898) * 43758.5453;
  return 2 * (x - Math.floor(x)) - 1;
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

function wave(seconds: number, period: number, phase = 0): number {
  return Math.sin((2 * Math.PI * (seconds + phase)) / period);
}

function energy(seconds: number, device: number): Record<string, unknown> {
  const mean = 0.8 + 0.6 * device;
  const surge = device === 0 && seconds % SURGE_EVERY_S < SURGE_S ? 6 : 0;
  const power =
    mean + 0.3 * wave(seconds, DAY_S) + 0.1 * wave(seconds, 120, 40 * device) + 0.02 * noise(seconds, device) + surge;
  const voltage = 230 + 1.5 * wave(seconds, 900) + 0.3 * noise(seconds, device + 10);
  // The counter is the integral of the mean alone: it grows, and goes on over a restart.
  return {
    total_energy_kwh: round((mean * (seconds % (365 * DAY_S))) / 3600, 3),
    power_kw: round(power, 3),
    voltage: round(voltage, 1),
    current: round((power * 1000) / voltage, 2),
  };
}

function heatPump(seconds: number): Record<string, unknown> {
  const outside = 6 + 5 * wave(seconds, DAY_S, -6 * 3600);
  const flow = 38 - 0.4 * outside + 1.5 * wave(seconds, 1200) + 0.1 * noise(seconds, 20);
  const power = 1.4 - 0.06 * outside + 0.05 * noise(seconds, 21);
  return {
    outside_temperature: round(outside, 1),
    flow_temperature: round(flow, 1),
    return_temperature: round(flow - 5.2, 1),
    compressor_power: round(power * 1000, 0),
    cop: round(4.4 - 0.03 * (flow - outside), 2),
    defrosting: false,
  };
}

function room(seconds: number, device: number): Record<string, unknown> {
  return {
    temperature: round(
      20.5 + device + 0.8 * wave(seconds, DAY_S, 3600 * device) + 0.05 * noise(seconds, 30 + device),
      2,
    ),
    humidity: round(45 - 3 * device + 4 * wave(seconds, DAY_S / 2) + 0.3 * noise(seconds, 40 + device), 1),
    battery: 90 - 7 * device,
  };
}

const METERS = ['demo-meter1', 'demo-meter2'];
const ROOMS = ['demo-kitchen', 'demo-bath', 'demo-cellar'];
/** Seconds between two messages of a slow device. */
const SLOW_S = 5;

/** What is published at this second since the epoch: meters every second, heat pump and rooms every five. */
export function homelab(seconds: number): readonly Publication[] {
  const timestamp = new Date(seconds * 1000).toISOString();
  const message = (topic: string, values: Record<string, unknown>): Publication => ({
    topic: `homelab/${topic}`,
    payload: JSON.stringify({ timestamp, ...values }),
  });
  const fast = METERS.map((name, at) => message(`energy/${name}`, energy(seconds, at)));
  if (seconds % SLOW_S !== 0) return fast;
  return [
    ...fast,
    message('heatpump/demo-heatpump', heatPump(seconds)),
    ...ROOMS.map((name, at) => message(`temperature/${name}`, room(seconds, at))),
  ];
}
