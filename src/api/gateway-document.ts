// What OpenAPI says of health and status, which the gateway itself serves: they answer before any flow runs.
import { z } from 'zod';
import type { Described } from './route.ts';

const part = z.object({
  part: z.string(),
  ready: z.boolean(),
  detail: z.string(),
  required: z.boolean().describe('false: listed only, such as demo instruments.'),
});
const health = z.object({
  status: z.enum(['ready', 'unready']),
  parts: z.array(part).optional().describe('Shown to whom the gateway knows.'),
});

const common: Pick<Described, 'method' | 'tag' | 'needs' | 'params' | 'query' | 'body' | 'refusal'> = {
  method: 'GET',
  tag: 'about',
  needs: 'viewer',
  params: {},
  query: undefined,
  body: undefined,
  refusal: undefined,
};

export const gatewayOperations: readonly Described[] = [
  {
    ...common,
    path: '/health',
    summary: 'Whether the gateway is ready: flows, migrations, database, subscriptions.',
    answers: {
      200: { says: 'Ready.', schema: health },
      503: { says: 'Not ready; the parts say why.', schema: health, plain: true },
    },
  },
  {
    ...common,
    path: '/health/live',
    summary: 'Whether the process works.',
    answers: { 200: { says: 'It does.', schema: z.object({ status: z.literal('alive') }) } },
  },
  {
    ...common,
    path: '/status',
    summary: 'A page for people, that also answers while the database is down.',
    answers: { 200: { says: 'The page; as JSON for who accepts JSON only.', schema: health, also: ['text/html'] } },
  },
];
