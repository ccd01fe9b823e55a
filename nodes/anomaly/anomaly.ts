// anomaly: adds to each reading how normal its values are, judged by what the series did before.
import { deviceScorer, seriesKey } from '../../src/anomaly/device.ts';
import { reasonOf } from '../../src/kernel/fault.ts';
import { defineNode, type Message } from '../../src/palette/define.ts';
import { nodeRed } from '../../src/palette/register.ts';
import { isReading, membersOf, type Reading } from '../../src/reading/reading.ts';

export const definition = defineNode({
  type: 'fieldline-anomaly',
  family: 'check',
  icon: 'font-awesome/fa-heartbeat',
  summary: 'Adds to each reading how normal its values are, judged by what the series did before.',
  input: 'readings',
  outputs: ['readings with score'],
  fields: {
    series: {
      kind: 'choice',
      label: 'Series',
      help: 'Values of one series are compared with each other; each metric is a series of its own.',
      initial: 'auto',
      options: [
        ['auto', 'by device; laser distances by element'],
        ['device', 'by device'],
        ['key', 'by the key below'],
      ],
    },
    key: {
      kind: 'typed',
      label: 'Key',
      help: 'Property of the message, used with the third choice; for a batch, of each member as if it had come alone.',
      initial: 'payload.deviceId',
      types: ['msg'],
      initialType: 'msg',
    },
    sensitivity: {
      kind: 'choice',
      label: 'Sensitivity',
      help: 'How unusual a value must be to count as an anomaly.',
      initial: 'medium',
      options: [
        ['low', 'low: only what is gross'],
        ['medium', 'medium'],
        ['high', 'high: more finds, more false alarms'],
      ],
    },
    maxSeries: {
      kind: 'number',
      label: 'Most series',
      help: 'Above this the series that was quiet for longest is forgotten; a series takes about 4 KB.',
      initial: 10000,
      min: 1,
      max: 1000000,
      integer: true,
    },
  },
  start(settings, host) {
    const scorer = deviceScorer({ sensitivity: settings.sensitivity, maxSeries: settings.maxSeries });
    let scored = 0;
    let anomalies = 0;

    const keyOf = (reading: Reading, message: Message): string => {
      if (settings.series === 'auto') return seriesKey(reading);
      if (settings.series === 'device') return reading.deviceId;
      const key = host.evaluate(settings.key, { ...message, payload: reading });
      return key === undefined || key === null ? reading.deviceId : String(JSON.stringify(key));
    };

    return {
      input(message, send, done) {
        try {
          let found = 0;
          for (const member of membersOf(message.payload)) {
            if (!isReading(member)) continue;
            const anomaly = scorer.score(member, keyOf(member, message));
            if (anomaly === undefined) continue;
            member.metadata.anomaly = anomaly;
            scored++;
            if (anomaly.score < 0) found++;
          }
          anomalies += found;
          if (found > 0) host.count('fieldline_anomalies_total', found);
          host.gauge('fieldline_anomaly_series', scorer.size);
          const forgotten = scorer.evicted > 0 ? `, ${scorer.evicted} forgotten` : '';
          const text = `${scorer.size} series${forgotten}, ${scored} scored, ${anomalies} anomalies`;
          host.status(scorer.evicted > 0 ? 'yellow' : 'green', text);
          send(message);
          done();
        } catch (error) {
          done(new Error(`key: ${reasonOf(error)}`));
        }
      },
    };
  },
});

export default nodeRed(definition);
