// Intake: where routes hand readings that a client sent. It is the http-ingest node of the flow, so that they take its way to the sinks.
import type { Ending } from '../kernel/ledger.ts';
import type { Reading } from '../reading/reading.ts';

/** Resolves with the ending of each reading once all have settled. Rejects with a Fault of kind outage or unfinished. */
export type Intake = (readings: readonly Reading[]) => Promise<readonly Ending[]>;

const intakes = new WeakMap<object, Intake[]>();

/** Takes what comes in on this HTTP server until the returned function is called; where several do, the latest. */
export function offerIntake(server: object, intake: Intake): () => void {
  const list = intakes.get(server) ?? [];
  intakes.set(server, list);
  list.push(intake);
  return () => void list.splice(list.indexOf(intake), 1);
}

export function intakeOf(server: object): Intake | undefined {
  return intakes.get(server)?.at(-1);
}
