// Tally: what the node has done since it started, under it and in the metrics.
import type { DeviceScorer } from '../../src/anomaly/device.ts';
import type { Host } from '../../src/palette/define.ts';
import { quantity } from '../../src/reading/quantity.ts';
import type { Anomaly } from '../../src/reading/reading.ts';

export function openTally(host: Host, scorer: Pick<DeviceScorer, 'size' | 'evicted'>) {
  let scored = 0;
  let anomalies = 0;
  let known = -1;
  /** `said` of the readings of one message. */
  return (said: readonly Anomaly[], guarded: boolean): void => {
    const found = said.filter(({ score }) => score < 0).length;
    scored += said.length;
    anomalies += found;
    if (found > 0) host.count('fieldline_anomalies_total', found);
    if (scorer.size !== known) host.gauge('fieldline_anomaly_series', scorer.size);
    known = scorer.size;
    const forgotten = scorer.evicted > 0 ? `, ${scorer.evicted} forgotten` : '';
    const state = guarded ? ', guarded' : said.at(-1)?.kind === 'learning' ? ', learning' : '';
    const text = `${scorer.size} series${forgotten}, ${scored} scored, ${quantity(anomalies, 'anomaly', 'anomalies')}${state}`;
    // A guard that somebody forgot is to be seen.
    host.status(scorer.evicted > 0 || guarded ? 'yellow' : 'green', text);
  };
}
