// Readiness: what /health answers, from the state of each part.
import pg from 'pg';
import { databaseFault } from '../src/store/fault.ts';
import { poolConfig } from '../src/store/store.ts';

export type Part = {
  part: string;
  ready: boolean;
  detail: string;
  /** false: listed only, such as demo instruments; it does not make the gateway unready. */
  required: boolean;
};

export type Health = { status: 'ready' | 'unready'; parts: readonly Part[] };

/** Parts tell their state as it changes; `probes` are asked when somebody asks. */
export type HealthBoard = {
  set(part: string, ready: boolean, detail: string): void;
  /** A part that is listed only. */
  mention(part: string, ready: boolean, detail: string): void;
  /** Takes the place of what was set for the part. */
  probe(part: string, ask: () => Promise<readonly Part[]> | readonly Part[]): void;
  look(): Promise<Health>;
};

export function healthBoard(): HealthBoard {
  const parts = new Map<string, Part>();
  const probes: (() => Promise<readonly Part[]> | readonly Part[])[] = [];
  return {
    set: (part, ready, detail) => void parts.set(part, { part, ready, detail, required: true }),
    mention: (part, ready, detail) => void parts.set(part, { part, ready, detail, required: false }),
    probe(part, ask) {
      parts.delete(part);
      probes.push(ask);
    },
    async look() {
      const asked = await Promise.all(probes.map(ask => ask()));
      const all = [...parts.values(), ...asked.flat()];
      return { status: all.every(part => part.ready || !part.required) ? 'ready' : 'unready', parts: all };
    },
  };
}

const ANSWER_LIMIT_MS = 2000;
const FRESH_MS = 500;

/** Asks the database whether it answers, at most twice a second however many ask, on one connection of its own. */
export function databaseProbe(url: string): { ask(): Promise<readonly Part[]>; close(): Promise<void> } {
  const pool = new pg.Pool({
    connectionString: poolConfig({ url }).connectionString,
    max: 1,
    connectionTimeoutMillis: ANSWER_LIMIT_MS,
    query_timeout: ANSWER_LIMIT_MS,
    application_name: 'fieldline health',
  });
  // An idle connection that breaks is found by the next question.
  pool.on('error', () => undefined);
  let asked: { at: number; answer: Promise<Part> } | undefined;
  const ask = async (): Promise<Part> => {
    try {
      await pool.query('SELECT 1');
      return { part: 'database', ready: true, detail: 'answers', required: true };
    } catch (error) {
      return {
        part: 'database',
        ready: false,
        detail: databaseFault(error).message.replace(/^database: /, ''),
        required: true,
      };
    }
  };
  return {
    async ask() {
      if (asked === undefined || performance.now() - asked.at > FRESH_MS)
        asked = { at: performance.now(), answer: ask() };
      return [await asked.answer];
    },
    close: () => pool.end(),
  };
}
