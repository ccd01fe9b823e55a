// The messages of the bench: energy readings of about 250 bytes, each recognisable by a number that lands in a column.

export const DEVICES = 100;

/** Numbers `first` to `next - 1` of devices `{prefix}-000` to `{prefix}-099`. */
export type Range = { prefix: string; first: number; next: number };

/** Device of a number: every device has its turn, and one device's messages keep their order. */
export function deviceOf(prefix: string, number: number): string {
  return `${prefix}-${String(number % DEVICES).padStart(3, '0')}`;
}

/** ISO 8601 with microseconds, of microseconds since the epoch. */
export function isoMicroseconds(microseconds: number): string {
  const milliseconds = Math.floor(microseconds / 1000);
  const rest = String(Math.floor(microseconds - milliseconds * 1000)).padStart(3, '0');
  return `${new Date(milliseconds).toISOString().slice(0, -1)}${rest}Z`;
}

const PADDING = 'x'.repeat(84);

/**
 * The energy message of seed 003. `total_energy_kwh` is the number, so that rows can be counted in plain SQL. Without
 * `timed` it says no time: then only a receipt tells a redelivery from a new message.
 */
export function energyMessage(
  prefix: string,
  number: number,
  microseconds: number,
  timed = true,
): { topic: string; payload: Buffer } {
  const time = timed ? `"timestamp":"${isoMicroseconds(microseconds)}",` : '';
  // A daily curve: what a meter says, and nothing an anomaly score would shout at.
  const power = 1.5 + Math.sin(microseconds / 6e7) / 2;
  return {
    topic: `homelab/energy/${deviceOf(prefix, number)}`,
    payload: Buffer.from(
      `{${time}"total_energy_kwh":${number},"power_kw":${power.toFixed(3)},"voltage":230.1,` +
        `"current":${((power * 1000) / 230.1).toFixed(3)},"frequency_hz":50.01,"firmware":"1.4.2","note":"${PADDING}"}`,
    ),
  };
}
