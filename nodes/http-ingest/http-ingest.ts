// http-ingest: takes readings by POST and WebSocket from whoever has a key; answers after everything they reached has committed.
import type { Server } from 'node:http';
import path from 'node:path';
import { openDoor } from '../../src/api/door.ts';
import { claimIn } from '../../src/api/ingest-claim.ts';
import { delivery } from '../../src/api/ingest-delivery.ts';
import { ingestDesk } from '../../src/api/ingest-desk.ts';
import { ingestHandler, isIngestPath } from '../../src/api/ingest-http.ts';
import { restIngest } from '../../src/api/ingest-rest.ts';
import { ingestSocket, SOCKET_PATH } from '../../src/api/ingest-socket.ts';
import { tallyOf } from '../../src/api/ingest-tally.ts';
import { tryItems } from '../../src/api/ingest-try.ts';
import { offerIntake } from '../../src/api/intake.ts';
import { type Key, keyRing } from '../../src/api/key-ring.ts';
import { rateLimit } from '../../src/api/rate.ts';
import { letterBox } from '../../src/delivery/letters/box.ts';
import { ledgerIn } from '../../src/delivery/ledger-file.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { Fault } from '../../src/kernel/fault.ts';
import { defineNode } from '../../src/palette/define.ts';
import { nodeRed } from '../../src/palette/register.ts';
import { shortfallOf } from '../../src/reading/shortfall.ts';
import { timeLimitsOf } from '../../src/reading/time-settings.ts';
import type { Store } from '../../src/store/store.ts';
import { fields } from './fields.ts';

/** With which the flows of this gateway post to it. */
type OwnIngest = { key: { text: string; key: Key } };

const STATUS_MS = 1000;
/** A deploy is over by then; a path without a node is an unknown one from then on. */
const REST_MS = 15_000;

export const definition = defineNode({
  type: 'fieldline-http-ingest',
  family: 'source',
  acknowledges: true,
  icon: 'font-awesome/fa-cloud-download',
  summary: 'Takes readings by HTTP and WebSocket from whoever has a key, and answers when they are stored.',
  outputs: ['readings'],
  fields,
  admin(admin) {
    // Body: `{ settings, device, text }`; what a post of the text would be taken for, with settings not deployed yet.
    admin.act('fieldline/http-ingest/try', ({ body }) => tryItems(body, Date.now()));
  },
  start(settings, host) {
    const store = host.config<Store>('store');
    if (store === undefined)
      throw new Fault('FIELDLINE_SETTING', 'Keys in: expected a timescale-db node that runs, got none');
    const own = (host.services['ownIngest'] as OwnIngest | undefined)?.key;
    const ring = keyRing(store.query, systemClock, {
      extra: new Map(own && [[own.text, own.key]]),
      database: store.pool.options.connectionString,
    });
    const ledger = ledgerIn(host.directory);
    const account = ledger.account(host.id, host.name);
    const tally = tallyOf(systemClock);
    const letters = letterBox(path.join(host.directory, 'dead-letters', host.id));
    const desk = ingestDesk({
      ring,
      clock: systemClock,
      rate: rateLimit(systemClock),
      perMinute: { gateway: settings.gatewayPerMinute, app: settings.appPerMinute },
      maxItems: settings.maxItems,
      window: settings.window,
      answerMs: settings.answerSeconds * 1000,
      times: timeLimitsOf(settings),
      claim: claimIn(store.query),
      deliver: delivery({
        account,
        commit: ledger.commit,
        emit: readings =>
          host.emit(settings.emit === 'batches' ? { payload: readings } : [readings.map(payload => ({ payload }))]),
        async deadLetter(raw, reason, attempts) {
          await letters.append(raw, reason, attempts);
          host.log('error', `${raw.deviceId}: given up after ${attempts} attempts, kept as a dead letter: ${reason}`);
        },
      }),
      onAnswer(answer) {
        tally.answered(answer);
        host.count('fieldline_ingest_answers_total', 1, { status: String(answer.status) });
      },
      onRefused: (items, reason) => host.count('fieldline_rejected_total', items, { reason }),
      onTaken(readings) {
        const { clockless, absent } = shortfallOf(readings);
        if (clockless > 0) host.count('fieldline_gateway_time_total', clockless);
        if (absent > 0) host.count('fieldline_absent_values_total', absent);
      },
    });
    const maxBytes = Math.round(settings.maxKilobytes * 1024);
    const request = ingestHandler(desk, { maxBytes, slowestMs: settings.bodySeconds * 1000 });
    const socket = ingestSocket(desk, { maxBytes });
    const server = host.server as Server;
    const shut = openDoor(server, {
      leads: path => path === SOCKET_PATH || isIngestPath(path),
      request,
      upgrade: socket.upgrade,
    });
    const refuse = offerIntake(server, desk.deposit);
    const show = () => {
      host.status(...tally.line(desk.open, socket.clients));
      host.gauge('fieldline_source_open', desk.open);
    };
    const clockwork = setInterval(show, STATUS_MS);
    void ring.load().then(show);
    host.ready(true, 'POST /api/ingest, /ws/ingest');

    return {
      pause: () => desk.pause(true),
      resume: () => desk.pause(false),
      async close() {
        clearInterval(clockwork);
        desk.pause(true);
        setTimeout(restIngest(server), REST_MS).unref();
        shut();
        refuse();
        socket.close();
        await desk.idle();
        account.close();
        await letters.close().catch(() => {});
      },
    };
  },
});

export default nodeRed(definition);
