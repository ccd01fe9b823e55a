// The normalizer that the settings ask for, those of the node or those that stand in its dialog.
import type { Settings } from '../../src/palette/fields.ts';
import { type Normalizer, normalizer } from '../../src/stream/normalize.ts';
import type { fields } from './fields.ts';

/** Throws a Fault FIELDLINE_SETTING for a wrong row. */
export function normalizerOf(settings: Settings<typeof fields>): Normalizer {
  const { table, map, maxKilobytes, aheadMinutes, earliestYear, enrich } = settings;
  return normalizer({
    table,
    map,
    maxBytes: maxKilobytes * 1024,
    limits: { earliest: Date.UTC(earliestYear, 0, 1), aheadMs: aheadMinutes * 60_000 },
    ...(enrich === 'yes' && { enrich: { now: Date.now } }),
  });
}
