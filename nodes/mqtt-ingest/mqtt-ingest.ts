// mqtt-ingest: durable MQTT subscription; a message is acknowledged after everything it reached has committed.
import path from 'node:path';
import { counted } from '../../src/delivery/counted.ts';
import { courier } from '../../src/delivery/courier.ts';
import { letterBox } from '../../src/delivery/letters/box.ts';
import { ledgerIn } from '../../src/delivery/ledger-file.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { noteFate } from '../../src/kernel/ledger.ts';
import type { QoS } from '../../src/mqtt/audience.ts';
import type { JournalBroker } from '../../src/mqtt/consumers.ts';
import { withEar } from '../../src/mqtt/ear.ts';
import { derivedClientId } from '../../src/mqtt/identity.ts';
import { ingestSource } from '../../src/mqtt/ingest-source.ts';
import { ingestStatus } from '../../src/mqtt/ingest-status.ts';
import { defineNode } from '../../src/palette/define.ts';
import { nodeRed } from '../../src/palette/register.ts';
import type { Raw } from '../../src/reading/raw.ts';
import { fields } from './fields.ts';

const STATUS_MS = 1000;
/** A removal is undone within this time, or what came meanwhile is forgotten: nobody acknowledges it any more. */
const UNDO_SECONDS = 600;

export const definition = defineNode({
  type: 'fieldline-mqtt-ingest',
  family: 'source',
  acknowledges: true,
  icon: 'font-awesome/fa-sign-in',
  summary: 'Subscribes durably and acknowledges a message only after it is stored.',
  outputs: ['raw messages'],
  fields,
  start(settings, host) {
    const status = ingestStatus(settings.window, systemClock);
    const show = () => host.status(...status.line());
    const hooks = withEar(host.id, {
      onState(state) {
        status.state(state);
        if (state.state === 'closed') return;
        host.ready(state.state === 'subscribed', status.line()[1]);
        show();
      },
      onWindow: full => full && carrier.windowFull(),
      onDropped(reason, topic, bytes) {
        host.count('fieldline_dropped_total', 1, { reason: 'too large' });
        host.log('warn', `${topic}: ${bytes} bytes, dropped: ${reason}`);
        account.leave(account.enter());
      },
    });
    const clientId = settings.clientId.trim() || derivedClientId(host.directory, host.id);
    const broker = host.services['broker'] as JournalBroker | undefined;
    const source = ingestSource({
      filters: settings.topics.map(({ filter, qos }) => ({ filter, qos: Number(qos) as QoS })),
      clientId,
      window: settings.window,
      source: settings.source.trim() || host.name,
      sessionExpirySeconds: settings.sessionExpirySeconds,
      stock: host.stockConfig('broker'),
      broker,
      mqttUrl: host.services['mqttUrl'] as string | undefined,
      directory: host.directory,
      ...hooks,
    });
    if (source === undefined) {
      const reason = 'no broker: choose one, set MQTT_URL, or run the gateway, which brings its own';
      host.status('red', reason);
      host.ready(false, reason);
      return {};
    }

    const ledger = ledgerIn(host.directory);
    const account = ledger.account(host.id, host.name);
    const letters = letterBox(path.join(host.directory, 'dead-letters', host.id));
    const carrier = courier({
      source: counted(source, account, ledger),
      mode: settings.emit,
      // Nodes may change what they get: each attempt takes its own copies.
      emit: raws =>
        settings.emit === 'each'
          ? host.emit({ topic: (raws[0] as Raw).topic, payload: { ...raws[0] } })
          : host.emit({ payload: raws.map(raw => ({ ...raw })) }),
      async deadLetter(raw, reason, attempts) {
        await letters.append(raw, reason, attempts);
        noteFate(raw.entry, 'deadLetters');
        host.log('error', `${raw.topic}: given up after ${attempts} attempts, kept as a dead letter: ${reason}`);
      },
      onCount(event, by) {
        host.count('fieldline_source_messages_total', by, { event });
        if (event === 'received') {
          hooks.heard();
          status.received();
        }
        if (event === 'settled' || event === 'dead-lettered') status.settled(by);
      },
    });
    const clockwork = setInterval(() => {
      host.gauge('fieldline_source_open', status.open);
      host.ready(status.subscribed, status.line()[1]);
      show();
    }, STATUS_MS);
    show();

    return {
      pause() {
        status.pause(true);
        carrier.pause();
      },
      resume() {
        status.pause(false);
        carrier.resume();
      },
      async close(removed) {
        clearInterval(clockwork);
        await carrier.stop();
        if (removed) await broker?.release(clientId, UNDO_SECONDS);
        await letters.close().catch(() => {});
      },
    };
  },
});

export default nodeRed(definition);
