// mqtt-out: publishes messages; done when the broker has acknowledged them, or when they are on disk until it can.
import { openLink } from '../../src/delivery/link.ts';
import { linkLedger } from '../../src/delivery/link-ledger.ts';
import { linkPolicy } from '../../src/delivery/link-settings.ts';
import { onlyOne, refusals } from '../../src/delivery/letters/refusals.ts';
import { derivedClientId } from '../../src/mqtt/identity.ts';
import { outgoingCodec, outgoingLetter, outgoingOf } from '../../src/mqtt/outgoing.ts';
import type { Outgoing } from '../../src/mqtt/outgoing-packet.ts';
import { publisher } from '../../src/mqtt/publisher.ts';
import { defineNode, type Message } from '../../src/palette/define.ts';
import { nodeRed } from '../../src/palette/register.ts';
import { LETTER_OF } from '../../src/reading/letter.ts';
import { isRaw, type Raw } from '../../src/reading/raw.ts';
import { endpointOf } from './endpoint.ts';
import { fields } from './fields.ts';
import { latestOfTopics } from './latest.ts';
import { testNow } from './test-now.ts';

/** Below the time that Node-RED gives a node to close. */
const CLOSE_MS = 3000;
/** What a lost connection may bring a second time. */
const BATCH = 500;

export const definition = defineNode({
  type: 'fieldline-mqtt-out',
  family: 'serve',
  icon: 'font-awesome/fa-sign-out',
  summary: 'Publishes messages by MQTT, keeps them through an outage, and is done when the broker has them.',
  input: 'messages',
  outputs: [],
  fields,
  admin: testNow,
  start(settings, host) {
    const sink = publisher({
      ...endpointOf(host.stockConfig('broker'), host.services),
      clientId: derivedClientId(host.directory, host.id),
      window: BATCH,
    });
    const refused = refusals<Outgoing>(host, ({ topic, payload, entries }) => ({
      topic,
      bytes: payload,
      receivedAt: Date.now(),
      source: host.name,
      protocol: 'mqtt',
      entry: onlyOne(entries),
    }));
    const qos = settings.qos === '0' ? 0 : 1;
    const retains = settings.retain === 'yes';
    const ledger = linkLedger<Outgoing>(host.directory, ({ entries = [] }) => entries);
    const link = openLink(sink, {
      target: 'broker',
      // Connected it stays, and hears of an end.
      ask: () => sink.write([]),
      askedMs: () => sink.restMs(),
      host,
      policy: linkPolicy(settings, host.directory, host.id),
      counter: 'fieldline_published_total',
      codec: {
        ...outgoingCodec,
        // As the settings are now: what this broker does not take would never leave the outbox.
        fromJson(value): Outgoing {
          const kept = outgoingCodec.fromJson(value);
          return { ...kept, qos, retain: kept.retain && retains };
        },
      },
      maxRows: BATCH,
      limitRows: settings.memoryRows,
      bytesOf: ({ topic, payload }) => topic.length + payload.length,
      async onDrained(rows, outcomes) {
        await refused.keep(rows, outcomes);
        await ledger.drained(rows, outcomes);
      },
      onDropped: ledger.dropped,
      onLost: ledger.lost,
    });
    const retain = retains ? latestOfTopics() : () => false;

    async function publish(message: Message): Promise<void> {
      const isLetter = message[LETTER_OF] === host.id && isRaw(message.payload);
      const rows = isLetter
        ? [outgoingLetter(message.payload as Raw, qos)]
        : outgoingOf(message, { ...settings, qos, retain }, host.sent(message));
      const fates = await link.submit(rows);
      ledger.noted(rows, fates);
      await refused.keep(rows, fates);
    }

    return {
      input(message, _send, done) {
        publish(message).then(() => done(), done);
      },
      async close(removed) {
        await link.close(CLOSE_MS, removed);
        await refused.close();
      },
    };
  },
});

export default nodeRed(definition);
