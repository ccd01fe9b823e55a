// Preloaded into a gateway (`--import`): its wall clock is off by the milliseconds that a file says, read again and again.
// The steady clock, and with it every timer, goes on as it is, as when an operator or NTP sets the time of a machine.
import { readFileSync } from 'node:fs';

const READ_MS = 10;
const file = process.env['FIELDLINE_BENCH_CLOCK'];
const WallDate = Date;
let offsetMs = 0;

const now = (): number => WallDate.now() + offsetMs;

function read(): void {
  try {
    offsetMs = Number(readFileSync(file!, 'utf8'));
  } catch {
    // No file, no offset.
  }
}

if (file !== undefined) {
  read();
  setInterval(read, READ_MS).unref();
  globalThis.Date = new Proxy(WallDate, {
    apply: () => new WallDate(now()).toString(),
    construct: (target, given, newTarget) =>
      Reflect.construct(target, given.length === 0 ? [now()] : given, newTarget) as Date,
    get: (target, key) => (key === 'now' ? now : Reflect.get(target, key)),
  });
}
