// The normalizer that the settings ask for, those of the node or those that stand in its dialog.
import type { Settings } from '../../src/palette/fields.ts';
import { timeLimitsOf } from '../../src/reading/time-settings.ts';
import { type Normalizer, normalizer } from '../../src/stream/normalize.ts';
import type { fields } from './fields.ts';

/** Throws a Fault FIELDLINE_SETTING for a wrong row. */
export function normalizerOf(settings: Settings<typeof fields>): Normalizer {
  const { table, map, maxKilobytes, enrich } = settings;
  return normalizer({
    table,
    map,
    maxBytes: maxKilobytes * 1024,
    limits: timeLimitsOf(settings),
    ...(enrich === 'yes' && { enrich: { now: Date.now } }),
  });
}
