// Shapes that several routes answer with, for OpenAPI and for the tests that hold the answers against it.
import { z } from 'zod';

export const number = z.number().nullable();
export const words = z.string().nullable();
/** ISO 8601 with Z. */
export const instant = z.iso.datetime();
export const maybeInstant = instant.nullable();
export const json = z.record(z.string(), z.unknown());

export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  /** The field at fault. */
  field: z.string().optional(),
  retry_after: z.int().optional().describe('Seconds, as Retry-After says them.'),
});
