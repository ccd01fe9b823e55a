// replay: runs part of the archive through the decoders again, beside live data, from where it was after a restart.
import { liveWrites } from '../../src/archive/live-writes.ts';
import { replayDesk } from '../../src/archive/replay-desk.ts';
import { resumeReplay, stopReplays } from '../../src/archive/replays.ts';
import { askedWords, deskWords, progressOf } from '../../src/archive/replay-words.ts';
import { selectionOf } from '../../src/archive/selection.ts';
import { courier } from '../../src/delivery/courier.ts';
import { keepLetters } from '../../src/delivery/letters/letters.ts';
import { expected, Fault } from '../../src/kernel/fault.ts';
import { defineNode } from '../../src/palette/define.ts';
import { nodeRed } from '../../src/palette/register.ts';
import { byKind } from '../../src/reading/kinds.ts';
import type { Raw } from '../../src/reading/raw.ts';
import type { Database } from '../../src/store/database.ts';
import { fields } from './fields.ts';

/** Asks the running nodes for a replay, for the button. */
const start = new Map<string, (by: string) => Promise<string>>();

export const definition = defineNode({
  type: 'fieldline-replay',
  family: 'source',
  icon: 'font-awesome/fa-history',
  summary: 'Runs part of the raw archive through the decoders again, no faster than live data bears.',
  input: 'start or stop',
  outputs: ['adverts', 'frames', 'messages', 'progress'],
  button: 'fieldline/replay',
  fields,
  admin(admin) {
    // Body: `{ node }`; the button on the canvas.
    admin.act('fieldline/replay', async ({ body }) => {
      const begin = start.get(String((body as { node?: unknown } | undefined)?.node));
      if (begin === undefined) throw new Error('replay: deploy the node first');
      return { says: await begin('editor') };
    });
  },
  async start(settings, host) {
    const store = host.config<Database>('store');
    if (store === undefined)
      throw new Fault('FIELDLINE_SETTING', 'Database: expected a timescale-db node that runs, got none');
    const { query, migrated } = store;
    // A wrong range is told now, not when somebody presses the button.
    selectionOf(settings, Date.now());

    let trouble = '';
    const desk = replayDesk({
      query: async (sql, values) => {
        await migrated;
        return query(sql, values);
      },
      owner: host.id,
      live: liveWrites(query),
      perSecond: settings.perSecond > 0 ? settings.perSecond : undefined,
      carry: run =>
        courier({
          source: run.source,
          mode: 'batches',
          emit(raws) {
            const { advert, frame, message } = byKind(raws);
            const parts = [advert, frame, message];
            const lost = parts.findIndex((part, output) => part.length > 0 && !host.wired(output));
            // Settled as stored it would be, and never come again.
            trouble = lost < 0 ? '' : `output ${lost + 1} (${definition.outputs[lost]}) is wired to nothing`;
            if (lost >= 0) return Promise.resolve({ ok: false, kind: 'outage', reason: trouble });
            return host.emit(parts.map(part => (part.length > 0 ? { payload: part } : undefined)));
          },
          async deadLetter(raw, reason, attempts) {
            await keepLetters(query, host.id, [letterOf(raw, reason, attempts)]);
            run.gaveUp(raw);
          },
          onCount: (event, by) => host.count('fieldline_replayed_total', by, { event }),
        }),
      onState(state) {
        const [fill, words] = deskWords(state);
        if (trouble === '') host.status(fill, words);
        else host.status('red', `${words}; ${trouble}`);
        const progress = progressOf(state);
        if (progress !== undefined) host.send([undefined, undefined, undefined, { payload: progress }]);
      },
    });

    const begin = async (given: object, by: string): Promise<string> => askedWords(await desk.ask(given, by));
    async function goOn(id: unknown): Promise<void> {
      const resumed = typeof id === 'number' && Number.isSafeInteger(id) && (await resumeReplay(query, id, host.id));
      if (!resumed)
        throw new Fault(
          'FIELDLINE_SETTING',
          expected('resume', 'the number of a replay that was stopped or has failed', id),
        );
      desk.wake();
    }
    start.set(host.id, by => begin(settings, by));

    return {
      input({ payload }, _send, done) {
        const given = typeof payload === 'object' && payload !== null ? (payload as Record<string, unknown>) : {};
        const acted =
          given['stop'] === true
            ? stopReplays(query, { owner: host.id })
            : given['resume'] !== undefined
              ? goOn(given['resume'])
              : // What a message leaves out is as in the settings.
                begin({ ...settings, ...given }, 'flow');
        acted.then(() => done(), done);
      },
      pause: () => desk.pause(),
      resume: () => desk.resume(),
      async close() {
        start.delete(host.id);
        await desk.close();
      },
    };
  },
});

function letterOf(raw: Raw, reason: string, attempts: number) {
  const { topic, source: scannerId, protocol, deviceId, receivedAt, bytes, entry } = raw;
  const from = { topic, scannerId, protocol, deviceId, receivedAt, bytes, entry };
  return { ...from, kind: 'raw', reason, attempts, givenUpAt: Date.now() } as const;
}

export default nodeRed(definition);
