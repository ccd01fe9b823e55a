// telemetry-api: answers questions about stored telemetry, in the flow for dashboards and over HTTP for programs.
import type { Server } from 'node:http';
import { answerer, type Ask } from '../../src/api/answers.ts';
import { type Parts, serveApi } from '../../src/api/http-api.ts';
import { storedReadings } from '../../src/api/summary.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { expected, Fault, reasonOf } from '../../src/kernel/fault.ts';
import { defineNode } from '../../src/palette/define.ts';
import { nodeRed } from '../../src/palette/register.ts';
import type { Identify } from '../../src/reading/principal.ts';
import { quantity } from '../../src/reading/quantity.ts';
import type { Database } from '../../src/store/database.ts';
import { fields } from './fields.ts';
import { scoresAsked } from './scores.ts';

// A dashboard that asks faster than the database answers must not pile up work.
const MAX_OPEN = 8;
// A regular expression of a stranger.
const BRIEF_MS = 2000;

export const definition = defineNode({
  type: 'fieldline-telemetry-api',
  family: 'serve',
  icon: 'font-awesome/fa-search',
  summary: 'Answers questions about stored telemetry, in the flow and over HTTP.',
  input: 'question',
  outputs: ['rows'],
  fields,
  start(settings, host) {
    const store = host.config<Pick<Database, 'query' | 'within' | 'pool'>>('store');
    if (store === undefined) throw new Fault('FIELDLINE_SETTING', expected('Database', 'one that is valid', undefined));
    const answer = answerer(store.query, systemClock, storedReadings);
    const { what, device, metric, hours, points } = settings;
    const usual: Ask = { what, device, metric, hours, points };
    const shut =
      settings.http === 'serve'
        ? serveApi(host.server as Server, {
            query: store.query,
            brief: store.within(BRIEF_MS),
            pool: store.pool,
            parts: host.services['parts'] as Parts | undefined,
            origins: settings.origins.split(/\s+/).filter(origin => origin !== ''),
            identify: host.services['identify'] as Identify | undefined,
            onFault: (where, error) => host.log('error', `${where}: ${reasonOf(error)}`),
          })
        : () => {};
    let open = 0;
    host.status('grey', `waits for a question; asks for ${what} by itself`);

    return {
      input(message, send, done) {
        if (open >= MAX_OPEN) {
          host.count('fieldline_dropped_total', 1, { reason: 'database slow' });
          host.status('yellow', `database slow: ${open} questions wait, further ones are dropped`);
          done();
          return;
        }
        const asked = performance.now();
        const own = message['query'];
        const ask: Ask = typeof own === 'object' && own !== null ? { ...usual, ...own } : usual;
        open++;
        (scoresAsked(store.query, ask) ?? answer(ask))
          .finally(() => open--)
          .then(payload => {
            const rows = Array.isArray(payload) ? `, ${quantity(payload.length, 'row')}` : '';
            host.status('green', `${String(ask.what)}${rows}, ${Math.round(performance.now() - asked)} ms`);
            send({ ...message, payload });
            done();
          })
          .catch((error: unknown) => {
            host.status('red', reasonOf(error));
            done(error);
          });
      },
      close: shut,
    };
  },
});

export default nodeRed(definition);
