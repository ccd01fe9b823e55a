// dead-letters: lists what could not be stored, sends it into the flow again, and takes it off the list when that has settled.
import { letterFilterOf } from '../../src/delivery/letters/filter.ts';
import { type LetterAnswer, carryOut } from '../../src/delivery/letters/orders.ts';
import { resendDesk } from '../../src/delivery/letters/desk.ts';
import type { Queued } from '../../src/delivery/letters/claims.ts';
import { Fault } from '../../src/kernel/fault.ts';
import type { Settled } from '../../src/kernel/ticket.ts';
import { defineNode, type Message } from '../../src/palette/define.ts';
import { nodeRed } from '../../src/palette/register.ts';
import type { Query } from '../../src/reading/contracts.ts';
import { decoderOf } from '../../src/reading/kinds.ts';
import { LETTER_OF } from '../../src/reading/letter.ts';
import { quantity } from '../../src/reading/quantity.ts';
import { isRaw, type Raw } from '../../src/reading/raw.ts';
import type { Reading } from '../../src/reading/reading.ts';
import { whoOf } from '../../src/reading/who.ts';
import type { Database } from '../../src/store/database.ts';
import { fields } from './fields.ts';

/** Orders to the running nodes, for the button. */
const running = new Map<string, (order: unknown, by: string) => Promise<LetterAnswer>>();

const ANSWERS = 4;

/** What these have given up is as it was to leave: no decoder may make something else of it. */
const LINKS = ['fieldline-http-out', 'fieldline-mqtt-out', 'fieldline-raw-archive', 'fieldline-timescale-out'];

export const definition = defineNode({
  type: 'fieldline-dead-letters',
  family: 'source',
  acknowledges: true,
  icon: 'font-awesome/fa-envelope-open',
  summary: 'Lists messages that could not be stored, and sends them into the flow again.',
  input: 'orders',
  outputs: ['adverts', 'frames', 'messages', 'readings', 'answers'],
  button: 'fieldline/dead-letters',
  fields,
  admin(admin) {
    // Body: `{ node }` from the button: all open letters again; or an order as for the input.
    admin.act('fieldline/dead-letters', async ({ body }) => {
      const { node, ...order } = (body ?? {}) as Record<string, unknown>;
      const give = running.get(String(node));
      if (give === undefined) throw new Error('dead-letters: deploy the node first');
      const answer = await give({ command: 'resend', ...order }, 'editor');
      return { says: `${quantity(answer.ids?.length ?? 0, 'dead letter')} on the way`, ...answer };
    });
  },
  start(settings, host) {
    const store = host.config<Database>('store');
    if (store === undefined)
      throw new Fault('FIELDLINE_SETTING', 'Database: expected a timescale-db node that runs, got none');
    const { source, topic, device, reason } = settings;
    const filter = letterFilterOf({ source, topic, device, reason });
    const query: Query = async (sql, values) => {
      await store.migrated;
      return store.query(sql, values);
    };

    function emit(message: Raw | Reading, letter: Queued): Promise<Settled> {
      const sent: Message = { payload: message, ...(letter.topic === null ? {} : { topic: letter.topic }) };
      const link = source === '' ? host.other(letter.source) : undefined;
      if (link !== undefined && LINKS.includes(link.type)) {
        const why = `the node "${letter.source}" that gave it up does not run: enable it, then send the letter again`;
        return link.emit?.({ ...sent, [LETTER_OF]: letter.source }) ?? refused(why);
      }
      // No decoder may make a reading of what was to leave as it is.
      if (source === '' && letter.link !== null && link === undefined) return refused(goneWords(letter.link, letter));
      const output = outputOf(message);
      if (!host.wired(output))
        return refused(`output ${output + 1} (${definition.outputs[output]}) is wired to nothing`);
      return host.emit(definition.outputs.map((_label, at) => (at === output ? sent : undefined)));
    }

    const desk = resendDesk({
      query,
      filter,
      directory: host.directory,
      emit,
      onCounts({ open, queued }) {
        host.gauge('fieldline_dead_letters_open', open);
        const text = `${open} open${queued > 0 ? `, ${queued} queued` : ''}`;
        host.status(queued > 0 ? 'blue' : open > 0 ? 'yellow' : 'green', text);
      },
      onMoved({ letters, damaged }) {
        host.count('fieldline_dead_letters_moved_total', letters);
        if (damaged > 0) host.log('warn', `${damaged} lines of the dead letters on disk were damaged`);
      },
      onAway: why => host.status('red', `letters stay on the disk; ${why}`),
    });

    async function give(order: unknown, by: string): Promise<LetterAnswer> {
      const answer = await carryOut(order, { query, filter, by });
      if (answer.command !== 'list' && answer.command !== 'show') desk.wake();
      return answer;
    }
    running.set(host.id, give);

    return {
      input(message, send, done) {
        give(message.payload, whoOf(message)).then(answer => {
          send(definition.outputs.map((_label, at) => (at === ANSWERS ? { ...message, payload: answer } : undefined)));
          done();
        }, done);
      },
      pause: () => desk.pause(),
      resume: () => desk.resume(),
      async close() {
        running.delete(host.id);
        await desk.close();
      },
    };
  },
});

const goneWords = (link: string, { source }: Queued): string =>
  `the node "${link}" that gave it up was deleted: bring it back with its id ${source} (undo, import), discard the letter, or set "Given up by" to ${source} to have it leave by the outputs`;

const refused = (reason: string): Promise<Settled> => Promise.resolve({ ok: false, kind: 'data', reason });

function outputOf(message: Raw | Reading): number {
  if (!isRaw(message)) return 3;
  const kind = decoderOf(message);
  return kind === 'advert' ? 0 : kind === 'frame' ? 1 : 2;
}

export default nodeRed(definition);
