// anomaly: adds to each reading how normal its values are, judged by what the series did before.
import path from 'node:path';
import { keepCheckpoint, readCheckpoint } from '../../src/anomaly/checkpoint.ts';
import { deploy } from '../../src/anomaly/deployed.ts';
import { deviceScorer } from '../../src/anomaly/device.ts';
import { reasonOf } from '../../src/kernel/fault.ts';
import { defineNode } from '../../src/palette/define.ts';
import { nodeRed } from '../../src/palette/register.ts';
import { unheard as unheardOf } from '../../src/reading/listening.ts';
import { type Anomaly, isReading, membersOf, type Reading } from '../../src/reading/reading.ts';
import { whoOf } from '../../src/reading/who.ts';
import { learnNowOrLate, openMark } from './after-crash.ts';
import { dialog } from './dialog.ts';
import { takeFeedback, wordOf } from './feedback.ts';
import { fields } from './fields.ts';
import { openHearing } from './hearing.ts';
import { keysOf } from './keys.ts';
import { optionsOf } from './options.ts';
import { bringBack, clearAside, putAside } from './removed.ts';
import { openTally } from './tally.ts';

const CHECKPOINT_MS = 300_000;
/** Ends of nodes that still write their file: on a slow disk Node-RED starts the next one before. */
const ending = new Map<string, Promise<void>>();

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
    const { maxSeries } = settings;
    const options = optionsOf(settings);
    const keys = settings.series === 'key' ? `key ${settings.key.value}` : settings.series;
    const file = path.join(host.directory, 'anomaly', `${host.id}.state`);
    await ending.get(file);
    const notAside = (fault: unknown) => host.log('warn', `what deleted nodes had learned: ${reasonOf(fault)}`);
    if (await bringBack(file).catch(notAside)) host.log('info', 'the node is back, with what it had learned');
    await clearAside(file).catch(notAside);
    const hearing = await openHearing(file, () => keeper.isSaved);
    const unheard = (reading: Reading | undefined, from: number, to: number) =>
      unheardOf(reading?.metadata.entry, from, to, hearing.absences);
    const fresh = () => deviceScorer({ ...options, maxSeries, unheard });
    const scorer = fresh();
    const { why } = await readCheckpoint(file, keys, scorer.restore);
    if (scorer.size > 0) host.log('info', `series restored: ${scorer.size}`);
    if (why !== undefined) host.log('warn', `${file}: ${why}; what it does not give is learned anew`);
    const count = openTally(host, scorer);
    const keeper = keepCheckpoint({
      file,
      keys,
      everyMs: CHECKPOINT_MS,
      states: scorer.states,
      failed: fault => host.log('error', `what was learned could not be saved: ${reasonOf(fault)}`),
    });
    const mark = openMark(`${file}.open`);
    const { of: keyOf, meant, named, stored, lately } = keysOf(settings, host);
    const isBehind = mark.isLeft || why !== undefined;
    const behind = { keys: stored, scorer, maxSeries, fresh, file, by: keys, changed: keeper.changed };
    const { learned, late } = isBehind ? await learnNowOrLate(host, behind) : { learned: 0 };
    await mark.set().catch(fault => host.log('error', `a crash will not be known: ${reasonOf(fault)}`));
    const lastTime = (device: string, metric: string) => scorer.lastTime(lately(device), metric);
    const withdraw = deploy({ options, lastTime, unheard: (from, to) => unheard(undefined, from, to) });
    hearing.begin(!isBehind || learned > 0);

    return {
      input(message, send, done) {
        try {
          const word = wordOf(message);
          if (word !== undefined) {
            const heed = (reading: Reading): number => {
              const tell = () => scorer[word === 'normal' ? 'accept' : 'retract'](reading, meant(reading, message));
              const series = tell();
              late?.said(tell);
              keeper.changed(series);
              return series;
            };
            takeFeedback(word, message, heed, keeper.save).then(
              payload => {
                host.log('info', `feedback, by ${whoOf(message)}: ${payload.says}`);
                send([undefined, { ...message, payload }]);
                done();
              },
              error => done(new Error(`key: ${reasonOf(error)}`)),
            );
            return;
          }
          const guarded = host.evaluate(settings.guard, message) === true;
          const said: Anomaly[] = [];
          for (const member of membersOf(message.payload)) {
            if (!isReading(member)) continue;
            const key = keyOf(member, message);
            const anomaly = scorer.score(member, key, guarded);
            if (anomaly === undefined) continue;
            member.metadata.anomaly = named(anomaly, member, key);
            said.push(anomaly);
            keeper.changed(Object.keys(member.telemetry).length);
            late?.scored(member, key, anomaly);
          }
          scorer.underWay(host.ticket(message), said);
          count(said, guarded);
          send(message);
          done();
        } catch (error) {
          done(new Error(`key or guard: ${reasonOf(error)}`));
        }
      },
      async close(removed) {
        withdraw();
        // One that is disabled is still in the flow, and may be for long.
        const isDeleted = removed && host.other(host.id) === undefined;
        const closing = [late?.close(), hearing.close()];
        const end = keeper.close().then(async isSaved => {
          if (isSaved) await mark.remove();
          await Promise.all(closing);
          if (isDeleted) await putAside(file).then(() => clearAside(file), notAside);
        });
        ending.set(file, end);
        await end.finally(() => ending.delete(file));
      },
    };
  },
});

export default nodeRed(definition);
