// Delivery of what was posted: into the flow, and where one reading spoils it, one by one; what never works becomes a dead letter.
import { Fault } from '../kernel/fault.ts';
import { type Account, type Ending, noteFate } from '../kernel/ledger.ts';
import type { Settled } from '../kernel/ticket.ts';
import type { Raw } from '../reading/raw.ts';
import type { Reading } from '../reading/reading.ts';

export type DeliveryOptions = {
  account: Account;
  /** What is counted is on the disk when it resolves. */
  commit(): Promise<void>;
  emit(readings: readonly Reading[]): Promise<Settled>;
  /** On the disk when it resolves. Rejects with a Fault of kind outage. */
  deadLetter(raw: Raw, reason: string, attempts: number): Promise<void>;
};

const MAX_TRIES = 3;

/**
 * Resolves with the ending of each reading. Rejects with a Fault of kind outage or unfinished when one is not settled:
 * none counts as received then, the sender still has them.
 */
export function delivery(options: DeliveryOptions): (readings: readonly Reading[]) => Promise<readonly Ending[]> {
  const { account, commit, emit, deadLetter } = options;

  /** Nodes change what they get: each attempt takes its own copies. */
  function attempt(readings: readonly Reading[]): Promise<Settled> {
    return emit(
      readings.map(({ telemetry, metadata, ...reading }) => ({
        ...reading,
        telemetry: { ...telemetry },
        metadata: { ...metadata },
      })),
    );
  }

  async function insist(reading: Reading, failed: Settled & { ok: false }, tried: number): Promise<void> {
    let failure = failed;
    for (let tries = tried; tries < MAX_TRIES; tries++) {
      const settled = await attempt([reading]);
      if (settled.ok) return;
      if (settled.kind !== 'data') throw faultOf(settled);
      failure = settled;
    }
    await deadLetter(rawOf(reading), failure.reason, MAX_TRIES);
    noteFate(reading.metadata.entry, 'deadLetters', failure.reason);
  }

  async function deliver(readings: readonly Reading[]): Promise<void> {
    const whole = await attempt(readings);
    if (whole.ok) return;
    if (whole.kind !== 'data') throw faultOf(whole);
    const tried = readings.length === 1 ? 1 : 0;
    await Promise.all(readings.map(reading => insist(reading, whole, tried)));
  }

  return async readings => {
    const entries = readings.map(({ metadata }) => {
      metadata.entry = account.enter();
      return metadata.entry;
    });
    try {
      await deliver(readings);
    } catch (error) {
      for (const entry of entries) account.giveBack(entry);
      throw error;
    }
    const endings = entries.map(entry => account.leave(entry) ?? ({ end: 'dropped', reason: undefined } as const));
    // Nobody sends again what was answered: a kill must not make the ledger forget it.
    await commit();
    return endings;
  };
}

function faultOf({ kind, reason }: Settled & { ok: false }): Fault {
  return new Fault('FIELDLINE_HTTP', reason, { kind });
}

function rawOf({ deviceId, protocol, metadata }: Reading): Raw {
  const { raw, receivedAt = 0, scannerId = '' } = metadata;
  const bytes = Buffer.from(raw?.hex ?? '', 'hex');
  return { topic: raw?.topic ?? 'http/ingest', bytes, receivedAt, source: scannerId, protocol, deviceId };
}
