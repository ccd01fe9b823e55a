// What the dialog of the anomaly node asks: which series are stored, and what settings, deployed or not, would have said of one.
import { deployedFor } from '../../src/anomaly/deployed.ts';
import type { ScoreOptions } from '../../src/anomaly/score.ts';
import { storedPoints, storedSeries } from '../../src/anomaly/stored.ts';
import { TRIED, trial } from '../../src/anomaly/trial.ts';
import { unitIn } from '../../src/anomaly/why.ts';
import { expected } from '../../src/kernel/fault.ts';
import type { Admin, AdminRequest } from '../../src/palette/define.ts';
import { checkSettings } from '../../src/palette/settings.ts';
import type { Query } from '../../src/reading/contracts.ts';
import { fields } from './fields.ts';
import { optionsOf } from './options.ts';

/** Of those that a trial goes through. */
const DRAWN = 400;
const SHARE = 10_000;

export function dialog(admin: Admin): void {
  // Body: `{ store }`, the id of a database node. Asked by every dialog that opens: no database yet is no error then.
  admin.act('fieldline/anomaly/series', async request => {
    const query = queryOf(request);
    return typeof query === 'string' ? { series: [], says: query } : { series: await storedSeries(query) };
  });
  // Body: `{ store, device, metric, settings }`, the settings as they stand in the form.
  admin.act('fieldline/anomaly/try', async request => {
    const { device, metric, settings } = (request.body ?? {}) as Record<string, unknown>;
    if (typeof device !== 'string' || typeof metric !== 'string')
      throw new Error(expected('body', '{ store, device, metric, settings }', request.body));
    const options = checkedOptions(settings);
    const query = queryOf(request);
    if (typeof query === 'string') throw new Error(query);
    const { points, unit } = await storedPoints(query, { device, metric }, TRIED, 0);
    const unheard = deployedFor(device, metric)?.unheard;
    const tried = await trial(points, metric, { ...options, unit, unheard }, DRAWN);
    return {
      ...tried,
      unit: unitIn(metric, unit, tried.per),
      falseAlarmsADay: (options.falseAlarms * tried.pointsADay) / SHARE,
    };
  });
}

function checkedOptions(given: unknown): ScoreOptions & { falseAlarms: number } {
  const { settings, faults } = checkSettings(fields, (given ?? {}) as Record<string, unknown>);
  if (faults.length > 0) throw new Error(faults.join('; '));
  return optionsOf(settings);
}

/** Or the reason why there is none. */
function queryOf({ body, node }: AdminRequest): Query | string {
  const id = String((body as { store?: unknown } | null)?.store ?? '');
  const { query } = (node(id) ?? {}) as { query?: Query };
  return query ?? expected('store', 'a timescale-db node that is deployed', id || 'none');
}
