// The Bluetooth process: a controller and noble, away from the flows. It is started by child-process.ts and speaks over its channel.
import { reasonOf } from '../kernel/fault.ts';
import type { RadioState } from '../reading/radio.ts';
import { advertOutlet } from './advert-outlet.ts';
import { calmFaults } from './calm-faults.ts';
import type { FromChild, ToChild } from './child-messages.ts';
import { type LiveController, liveController } from './controller.ts';
import { countInto } from './heard-count.ts';

const OVER = 75;
const CRASHED = 70;
const COLLECT_MS = 10_000;

let live: LiveController | undefined;
let scan = { on: false, active: false };
/** Adverts are handed over; a scan that has been called off goes on until the controller has said that it does not. */
let listening = false;
let heard = 0;
let damaged = 0;
let faults = 0;

function tell(message: FromChild, done?: () => void): void {
  // A parent that is gone hears nothing; this process ends with it.
  process.send?.(message, undefined, undefined, () => done?.());
}
const say = calmFaults(fault => tell({ fault }));
function tellFault(where: string, reason: string): void {
  faults++;
  if (where === 'advert') damaged++;
  say(where, reason);
}
function tellOver(state: RadioState): void {
  outlet.flush();
  beat();
  tell({ state }, () => process.exit(OVER));
}

function beat(): void {
  tell({ beat: { rss: process.memoryUsage.rss(), heard, dropped: outlet.dropped, damaged, faults } });
}

const outlet = advertOutlet(packed => tell({ adverts: packed }));
let offered = 0;
const [countFile] = process.argv.slice(2);
const noteOffered = countFile === undefined ? () => {} : countInto(Number(countFile));

process.on('disconnect', () => process.exit(0));
// The parent ends this process when it has drained; signals to the whole group are for the parent.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});
process.on('uncaughtException', error => {
  outlet.flush();
  tell({ fault: `crashed: ${reasonOf(error)}` }, () => process.exit(CRASHED));
});
// noble's writes end so when their link has gone meanwhile.
process.on('unhandledRejection', error => tellFault('noble', reasonOf(error)));
process.on('message', (message: ToChild) => {
  if ('open' in message) return void begin(message);
  if ('scan' in message) {
    scan = { on: message.scan, active: message.active };
    listening ||= scan.on;
    live?.scan(scan.on, scan.active);
    return;
  }
  if ('taken' in message) return outlet.taken();
  if ('cancel' in message) {
    live?.links.cancel(message.cancel);
    return;
  }
  act(message).then(
    value => tell({ id: message.id, value }),
    error => tell({ id: message.id, error: reasonOf(error) }),
  );
});

// What has grown old unnoticed would stay until V8 thinks that it is much; on a small machine it is. Some 10 ms each time.
setInterval(() => globalThis.gc?.(), COLLECT_MS);

async function begin({ open, times }: Extract<ToChild, { open: unknown }>): Promise<void> {
  beat();
  setInterval(beat, times.beat);
  live = await liveController(open, times, {
    onState: state => tell({ state }),
    onAdvert(report) {
      heard++;
      if (!listening) return;
      noteOffered(++offered);
      outlet.offer({ ...report, at: Date.now() });
    },
    onFault: tellFault,
    onLinkEnd: (link, reason) => tell({ link, ended: reason }),
    onRssi: (link, rssi) => tell({ link, rssi }),
    onOver: tellOver,
  });
  live?.scan(scan.on, scan.active);
}

async function handOverAll(): Promise<void> {
  const before = scan.on;
  await live?.upToDate();
  // Not where the scan was called off, or wanted again, only meanwhile.
  if (!before) listening = scan.on;
  outlet.flush();
}

async function act(message: Extract<ToChild, { id: number }>): Promise<unknown> {
  if ('flush' in message) return handOverAll();
  if (live === undefined) throw new Error('the adapter is not ready');
  const { links } = live;
  if ('connect' in message) return links.connect(message.connect, message.within);
  if ('disconnect' in message) return links.disconnect(message.link);
  const link = links.link(message.link);
  if ('services' in message) return link.services();
  if ('read' in message) return link.read(message.read);
  if ('write' in message) return link.write(message.write, message.bytes, message.withResponse);
  const { characteristic } = message.subscribe;
  return link.subscribe(message.subscribe, bytes =>
    tell({ link: message.link, characteristic, bytes, at: Date.now() }),
  );
}
