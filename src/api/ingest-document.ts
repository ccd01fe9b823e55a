// What OpenAPI says of ingest, which the http-ingest node serves.
import { z } from 'zod';
import { problemSchema } from './answer-schemas.ts';
import { flag, text } from './fields.ts';
import type { Described } from './route.ts';

const number = z.number();
const line = z.object({
  item: number.describe('Its number in the body, from 0.'),
  device_id: z.string().optional(),
  status: number,
  result: z.enum(['stored', 'duplicate', 'kept', 'dropped', 'dead letter', 'refused']),
  reason: z.string().optional(),
  errors: z.array(z.object({ field: z.string().optional(), detail: z.string() })).optional(),
});
const figures = { accepted: number, stored: number, duplicates: number, kept: number, dropped: number };
const committed = z.object({ ...figures, dead_letters: z.array(line) });
const partly = z.object({ ...figures, refused: number, dead_letters: number, items: z.array(line) });
const fault = problemSchema.extend({
  errors: z
    .array(z.object({ item: number, field: z.string().optional(), detail: z.string() }))
    .optional()
    .describe('Every fault of every item.'),
});

const reading = z
  .looseObject({
    device_id: z.string().optional(),
    timestamp: z.union([z.string(), z.number()]).optional().describe('ISO 8601; left out: the time of receipt.'),
  })
  .describe(
    'At least one measurement, such as flow_rate, value_mm, power_kw, temperature; or a reading with `telemetry`.',
  );

const common: Pick<Described, 'method' | 'tag' | 'needs' | 'query' | 'body' | 'answers' | 'refusal'> = {
  method: 'POST',
  tag: 'ingest',
  needs: 'operator',
  query: z.object({
    partial: flag.optional().describe('Takes the good items of a body that has bad ones; answers 207.'),
  }),
  body: z.union([reading, z.array(reading)]),
  refusal: undefined,
  answers: {
    200: { says: 'All of it is committed.', schema: committed },
    202: { says: 'Taken; some of it waits on the disk of the gateway while the database is away.', schema: committed },
    207: { says: 'One entry for each item.', schema: partly },
    400: { says: 'A field or an item is wrong; nothing was stored.', schema: fault },
    422: { says: 'An Idempotency-Key was used before with another body.', schema: problemSchema },
  },
};

/** `needs` is told by the key here, not by a role. */
export const ingestOperations: readonly Described[] = [
  {
    ...common,
    path: '/api/ingest',
    summary: 'Brings readings, one or an array, by the key of a gateway or an app.',
    params: {},
  },
  {
    ...common,
    path: '/api/devices/{id}/telemetry',
    summary: 'The same for the device of the address.',
    params: { id: text('a device id').describe('Id of the device; the items need not name it.') },
  },
];
