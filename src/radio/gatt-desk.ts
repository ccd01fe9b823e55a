// For a dialog: what a device offers, and one measurement now, over the link that a node holds or one made for the moment.
import { Fault } from '../kernel/fault.ts';
import type { GattService, Link, Radio } from '../reading/radio.ts';
import { openRadio } from './open.ts';
import { gattSession, type Session, type Target } from './session.ts';
import { after } from './timing.ts';

export type DeskDevice = { adapter: string; address: string; prefix: string };

/** A session that runs, and who else wants to hear what comes. */
export type OpenSession = DeskDevice & { session: Session; listeners: Set<(bytes: Uint8Array) => void> };

/** Shorter than the deadline of an endpoint; a slow machine takes seconds for an adapter and a link. */
const WITHIN_MS = 25_000;

const late = (what: string): Fault =>
  new Fault('FIELDLINE_RADIO', `${what} within ${WITHIN_MS / 1000} s`, { kind: 'outage' });

/** Rejects with what to do. */
export async function offersOf(device: DeskDevice, running?: OpenSession): Promise<readonly GattService[]> {
  const held = heldLink(device, running);
  return held === undefined ? withLink(device, link => link.services()) : held.services();
}

/** The first bytes that `isMeasurement`; the target's own button helps where it has no command. */
export async function measureNow(
  device: DeskDevice,
  target: Target & { measure?: Uint8Array },
  isMeasurement: (bytes: Uint8Array) => boolean,
  running?: OpenSession,
): Promise<Uint8Array> {
  const { promise, resolve } = Promise.withResolvers<Uint8Array>();
  const take = (bytes: Uint8Array): void => {
    if (isMeasurement(bytes)) resolve(bytes);
  };
  const press = (session: Session): unknown => target.measure && session.command(target.measure);
  if (running !== undefined && heldLink(device, running) !== undefined) {
    running.listeners.add(take);
    try {
      await press(running.session);
      return await orLate(promise, 'no measurement came; press once more, or the button of the meter,');
    } finally {
      running.listeners.delete(take);
    }
  }
  const radio = await radioOf(device);
  let reason = 'the device was not heard';
  const session = gattSession({
    radio,
    ...target,
    address: device.prefix + device.address,
    after,
    onData: take,
    onLink(connected, why) {
      reason = connected ? 'no measurement came; press once more, or the button of the meter,' : why;
      if (connected) void Promise.resolve(press(session)).catch(() => {});
    },
  });
  try {
    return await orLate(promise, () => reason);
  } finally {
    await session.close();
    await radio.close();
  }
}

function heldLink(device: DeskDevice, running: OpenSession | undefined): Link | undefined {
  const same =
    running?.address.toUpperCase() === device.address.toUpperCase() && running.adapter.trim() === device.adapter.trim();
  return same ? running?.session.link : undefined;
}

async function withLink<T>(device: DeskDevice, act: (link: Link) => Promise<T>): Promise<T> {
  const radio = await radioOf(device);
  const patience = AbortSignal.timeout(WITHIN_MS);
  try {
    const link = await radio.connect(device.prefix + device.address, patience);
    return await act(link);
  } finally {
    await radio.close();
  }
}

async function radioOf({ adapter, prefix }: DeskDevice): Promise<Radio> {
  const radio = await openRadio(adapter, { demo: true, prefix });
  if (radio === undefined) throw new Fault('FIELDLINE_RADIO', `adapter ${adapter} plays nothing here`);
  return radio;
}

async function orLate<T>(promise: Promise<T>, what: string | (() => string)): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late(typeof what === 'string' ? what : what())), WITHIN_MS);
  });
  return Promise.race([promise, limit]).finally(() => clearTimeout(timer));
}
