// One life of a controller: set up from the beginning, used through noble, and over at the first sign that it is not well.
// What is over is not repaired: the process ends and a new one begins, which cures every state that noble can get into.
import { systemClock } from '../kernel/clock.ts';
import type { RadioState } from '../reading/radio.ts';
import type { AdvertReport } from './advert-report.ts';
import type { Refusal } from './att-error.ts';
import { type ChildLinks, childLinks } from './child-links.ts';
import type { RadioTimes } from './child-messages.ts';
import { type Controller, nameOf } from './controller-name.ts';
import { type Gate, gateOf, kernelFilter } from './gate.ts';
import { COMMAND, statusText } from './hci.ts';
import { loadNoble } from './noble.ts';
import { scanKeeper } from './scan-keeper.ts';
import { type NoController, openKernel, openTcp, permissionReason, type Transport } from './transport.ts';

export type ControllerEvents = {
  onState(state: RadioState): void;
  onAdvert(report: AdvertReport): void;
  onFault(where: string, reason: string): void;
  onLinkEnd(link: number, reason: string): void;
  onRssi(link: number, dBm: number): void;
  /** It is over. `final`: a new beginning will not help soon. */
  onOver(state: RadioState): void;
};

export type LiveController = {
  scan(on: boolean, active: boolean): void;
  /** Resolves when the controller has done all that it was told, and all that it reported before has come. */
  upToDate(): Promise<unknown>;
  readonly links: ChildLinks;
};

// LE features by bit (Core 5.4, Vol 6 Part B §4.6): octet 1 holds LE Coded PHY (11) and LE Extended Advertising (12).
const CODED = 1 << 3;
const EXTENDED = 1 << 4;
const UNKNOWN_COMMAND = 0x01;

/** Undefined when there is no controller, which `onOver` has told. */
export async function liveController(
  where: Controller,
  times: RadioTimes,
  events: ControllerEvents,
): Promise<LiveController | undefined> {
  const { onState, onAdvert, onFault, onLinkEnd, onRssi } = events;
  let over = false;
  let leave = async (): Promise<void> => {};
  const end = (state: RadioState): void => {
    if (over) return;
    over = true;
    // What was heard before the end still counts.
    void leave().then(() => events.onOver(state));
  };
  const onDead = (reason: string): void => end({ state: 'off', reason });

  let gate: Gate | undefined;
  // A controller may report adverts before it is asked to, for another program.
  let heard = (_report: AdvertReport): void => {};
  let refused = (_status: number): void => {};
  let refusal = (_refusal: Refusal): void => {};
  const transport = await open(where, {
    onPacket: packet => gate?.take(packet),
    onEnd: onDead,
    onDenied: () => end({ state: 'unauthorized', reason: permissionReason() }),
  });
  if ('reason' in transport) {
    end(transport);
    return undefined;
  }
  leave = transport.close;
  gate = gateOf(
    transport,
    {
      onAdvert: report => heard(report),
      onFault,
      onScanRefused: status => refused(status),
      onRefusal: one => refusal(one),
      onDead,
    },
    times.command,
  );
  if (!transport.isUp()) {
    end({ state: 'off', reason: 'the adapter is switched off; run: sudo rfkill unblock bluetooth' });
    return undefined;
  }
  // Of two questions one must be answered.
  const reset = transport.exclusive ? await gate.tryToAsk(COMMAND.reset) : undefined;
  const ask = reset === undefined ? gate.ask : gate.tryToAsk;
  const features = await ask(COMMAND.leReadFeatures);
  const octet = features?.status === 0 ? (features.values[1] ?? 0) : 0;
  gate.style.coded = (octet & CODED) !== 0;
  const loaded = loadNoble(gate, (octet & EXTENDED) !== 0);
  if ('reason' in loaded) {
    end({ state: 'unsupported', reason: loaded.reason });
    return undefined;
  }
  const { noble, bindings } = loaded;
  // Where there is no kernel to do it, devices that ask for other connection parameters wait for an answer from here: this is
  // where noble looks whether to give one, and it is made already, so that it looks at it for nothing else.
  if (transport.exclusive) process.env['HCI_CHANNEL_USER'] = '1';

  let scanWanted = false;
  const keeper = scanKeeper({
    start() {
      // A controller that was reset without a word has forgotten what it is to report.
      bindings._hci.setEventMask();
      bindings._hci.setLeEventMask();
      noble.startScanning([], true);
    },
    stop: () => noble.stopScanning(),
    linked: () => links.size > 0,
    onDeaf: onDead,
    quietMs: times.quiet,
    deafMs: times.deaf,
    clock: systemClock,
  });
  let scanning = false;
  /** A device can only be connected to when it is heard. */
  function scanAsNeeded(): void {
    const needed = scanWanted || links.awaited > 0;
    if (needed === scanning) return;
    scanning = needed;
    keeper.want(needed);
  }
  const links = childLinks({
    ...loaded,
    gate,
    times,
    holdScan: keeper.hold,
    onAwaited: scanAsNeeded,
    onEnd: onLinkEnd,
    onRssi,
    onDead,
  });
  refusal = links.refused;
  heard = report => {
    keeper.heard();
    links.heard(report);
    onAdvert(report);
  };
  refused = status => {
    onFault('scan', statusText(status));
    // Its features said otherwise, or nothing: then it knows the commands of the other kind.
    if (status === UNKNOWN_COMMAND) bindings._hci._isExtended = !bindings._hci._isExtended;
    keeper.refused(statusText(status));
  };
  setInterval(keeper.look, Math.min(1000, times.quiet / 4));

  const { style } = gate;
  // Whatever it is that noble waits for: it does not wait for ever.
  const late = setTimeout(() => onDead('the controller could not be set up'), times.deaf);
  return new Promise(resolve => {
    noble.on('stateChange', (state: string) => {
      if (state === 'unsupported')
        return end({ state: 'unsupported', reason: 'the adapter is too old: it knows no Bluetooth Low Energy' });
      if (state !== 'poweredOn') return onDead('the adapter was switched off or unplugged');
      clearTimeout(late);
      process.off('SIGINT', bindings.onSigIntBinded);
      onState({ state: 'on', reason: `listening with ${nameOf(where)}` });
      resolve({
        links,
        scan(on, active) {
          scanWanted = on;
          if (active !== style.active && scanning) {
            scanning = false;
            keeper.want(false);
          }
          style.active = active;
          scanAsNeeded();
        },
        // Commands are answered in their order, and reports do not overtake answers.
        upToDate: () => gate.tryToAsk(COMMAND.readBdAddr),
      });
    });
  });
}

function open(
  where: Controller,
  events: Parameters<typeof openTcp>[2],
): Promise<Transport | NoController> | Transport | NoController {
  return 'host' in where ? openTcp(where.host, where.port, events) : openKernel(where.device, kernelFilter(), events);
}
