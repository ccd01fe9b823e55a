// Refusals of /rest/v1 in PostgREST's form: { code, message, details, hint }, which client libraries hand to the app.
import { z } from 'zod';
import type { Problem } from './problem.ts';
import type { Refusal } from './route.ts';

/** A refusal with the code that apps know, of SQL (five characters) or of PostgREST. */
export type RestProblem = Problem & { code: string; hint?: string; details?: string };

export function restProblem(status: number, code: string, detail: string, hint?: string): RestProblem {
  return { type: 'about:blank', title: 'Refused', status, detail, code, ...(hint === undefined ? {} : { hint }) };
}

/** Exactly one row was asked for. Client libraries look for `0 rows` in the details to tell none from too many. */
export function notOne(rows: number): RestProblem {
  const problem = restProblem(406, 'PGRST116', 'Cannot coerce the result to a single JSON object');
  return { ...problem, details: `The result contains ${rows} rows` };
}

/** Stops the reading of a filter or a selection from within. */
export class Refused extends Error {
  readonly problem: RestProblem;
  constructor(problem: RestProblem) {
    super(problem.detail);
    this.problem = problem;
  }
}

/** The query string cannot be read. */
export function unreadable(detail: string): Refused {
  return new Refused(restProblem(400, 'PGRST100', detail));
}

const codes: Readonly<Record<number, string>> = {
  400: 'PGRST102',
  401: 'PGRST301',
  403: '42501',
  404: 'PGRST205',
  405: 'PGRST117',
  408: 'PGRST102',
  413: 'PGRST102',
  415: 'PGRST102',
  500: 'XX000',
  503: 'PGRST000',
};

export const restErrorSchema = z.object({
  code: z.string(),
  message: z.string(),
  details: z.string().nullable(),
  hint: z.string().nullable(),
});

export const restRefusal: Refusal = {
  schema: restErrorSchema,
  type: 'application/json; charset=utf-8',
  of(problem) {
    const { status, detail, code, hint, details } = problem as Problem & Partial<RestProblem>;
    // What the database said of a value carries its SQLSTATE.
    const state = /\(SQLSTATE ([0-9A-Z]{5})\)/.exec(detail)?.[1];
    const message = detail.replace(/ \(SQLSTATE [0-9A-Z]{5}\)/, '');
    return {
      code: code ?? state ?? codes[status] ?? 'PGRST000',
      message,
      details: details ?? null,
      hint: hint ?? null,
    };
  },
};
