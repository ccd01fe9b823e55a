// anomaly: adds to each reading how normal its values are, judged by what the series did before.
import path from 'node:path';
import { keepCheckpoint, readCheckpoint } from '../../src/anomaly/checkpoint.ts';
import { deviceScorer, seriesKey } from '../../src/anomaly/device.ts';
import { reasonOf } from '../../src/kernel/fault.ts';
import { defineNode, type Message } from '../../src/palette/define.ts';
import { nodeRed } from '../../src/palette/register.ts';
import { quantity } from '../../src/reading/quantity.ts';
import { isReading, membersOf, type Reading } from '../../src/reading/reading.ts';
import { whoOf } from '../../src/reading/who.ts';
import { learnStored, openMark } from './after-crash.ts';
import { dialog } from './dialog.ts';
import { takeFeedback } from './feedback.ts';
import { fields } from './fields.ts';
import { optionsOf } from './options.ts';

const CHECKPOINT_MS = 300_000;

export const definition = defineNode({
  type: 'fieldline-anomaly',
  family: 'check',
  icon: 'font-awesome/fa-line-chart',
  summary: 'Adds to each reading how normal its values are, judged by what the series did before.',
  input: 'readings',
  outputs: ['readings with score', 'answers'],
  fields,
  admin: dialog,
  async start(settings, host) {
    const scorer = deviceScorer({ ...optionsOf(settings), maxSeries: settings.maxSeries });
    const keys = settings.series === 'key' ? `key ${settings.key.value}` : settings.series;
    const file = path.join(host.directory, 'anomaly', `${host.id}.state`);
    const { taken, why } = await readCheckpoint(file, keys, scorer.restore);
    if (taken > 0) host.log('info', `series restored: ${taken}`);
    if (why !== undefined) host.log('warn', `${file}: ${why}; what it does not give is learned anew`);
    let scored = 0;
    let anomalies = 0;
    let known = -1;
    const keeper = keepCheckpoint({
      file,
      keys,
      everyMs: CHECKPOINT_MS,
      states: scorer.states,
      failed: fault => host.log('error', `what was learned could not be saved: ${reasonOf(fault)}`),
    });

    const mark = openMark(`${file}.open`);
    // Rows of the database name their device, not a key of the operator's own.
    if ((mark.isLeft || why !== undefined) && settings.series !== 'key')
      keeper.changed(await learnStored(host, settings.series === 'auto' ? 'element' : 'device', scorer));
    await mark.set().catch(fault => host.log('error', `a crash will not be known: ${reasonOf(fault)}`));

    const keyOf = (reading: Reading, message: Message): string => {
      if (settings.series === 'auto') return seriesKey(reading);
      if (settings.series === 'device') return reading.deviceId;
      const key = host.evaluate(settings.key, { ...message, payload: reading });
      return key === undefined || key === null ? reading.deviceId : String(JSON.stringify(key));
    };

    const accept = (reading: Reading, message: Message): number => {
      const series = scorer.accept(reading, keyOf(reading, message));
      keeper.changed(series);
      return series;
    };

    return {
      input(message, send, done) {
        try {
          if (message['feedback'] === 'normal') {
            takeFeedback(message, accept, keeper.save).then(
              payload => {
                host.log('info', `this was normal, by ${whoOf(message)}: ${payload.says}`);
                send([undefined, { ...message, payload }]);
                done();
              },
              error => done(new Error(`key: ${reasonOf(error)}`)),
            );
            return;
          }
          const guarded = host.evaluate(settings.guard, message) === true;
          let found = 0;
          let isLearning = false;
          for (const member of membersOf(message.payload)) {
            if (!isReading(member)) continue;
            const anomaly = scorer.score(member, keyOf(member, message), guarded);
            if (anomaly === undefined) continue;
            member.metadata.anomaly = anomaly;
            scored++;
            if (anomaly.score < 0) found++;
            isLearning = anomaly.kind === 'learning';
          }
          keeper.changed(1);
          anomalies += found;
          if (found > 0) host.count('fieldline_anomalies_total', found);
          if (scorer.size !== known) host.gauge('fieldline_anomaly_series', scorer.size);
          known = scorer.size;
          const forgotten = scorer.evicted > 0 ? `, ${scorer.evicted} forgotten` : '';
          const text = `${scorer.size} series${forgotten}, ${scored} scored, ${quantity(anomalies, 'anomaly', 'anomalies')}${isLearning ? ', learning' : ''}`;
          host.status(scorer.evicted > 0 ? 'yellow' : 'green', text);
          send(message);
          done();
        } catch (error) {
          done(new Error(`key: ${reasonOf(error)}`));
        }
      },
      async close() {
        if (await keeper.close()) await mark.remove();
      },
    };
  },
});

export default nodeRed(definition);
