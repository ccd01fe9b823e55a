// What the dialog of mqtt-out asks: one message, now, with settings that are not deployed, and what the broker makes of it.
import { randomUUID } from 'node:crypto';
import { expected, reasonOf } from '../../src/kernel/fault.ts';
import { outgoingOf } from '../../src/mqtt/outgoing.ts';
import { publisher } from '../../src/mqtt/publisher.ts';
import type { Admin } from '../../src/palette/define.ts';
import { checkSettings } from '../../src/palette/settings.ts';
import { parseJson } from '../../src/reading/payload.ts';
import { endpointOf } from './endpoint.ts';
import { fields } from './fields.ts';

/** Below the time that a dialog waits. */
const LIMIT_MS = 8000;

type Asked = { settings?: Record<string, unknown>; topic?: unknown; text?: unknown };

export function testNow(admin: Admin): void {
  // Body: `{ settings, topic, text }`; published once and never retained, without outbox or dead letter.
  admin.act('fieldline/mqtt-out/test', async ({ body, stock, services }) => {
    const { settings: given = {}, topic, text } = (body ?? {}) as Asked;
    const { settings, faults } = checkSettings(fields, given);
    if (faults.length > 0) throw new Error(faults.join('; '));
    if (typeof topic !== 'string' || typeof text !== 'string')
      throw new Error(expected('body', '{ topic, text }', body));
    // What the editor gives for none is no id.
    const chosen = typeof given['broker'] === 'string' && given['broker'] !== '_ADD_' ? given['broker'] : '';
    const broker = chosen === '' ? undefined : stock(chosen);
    if (chosen !== '' && !broker) throw new Error(expected('Broker', 'a broker that is deployed', chosen));
    const payload = parseJson(text) ?? text;
    const qos = settings.qos === '0' ? 0 : 1;
    const rows = outgoingOf({ topic, payload }, { ...settings, send: 'whole', qos, retain: () => false });
    if (rows.length === 0) return { ok: false, says: 'nothing to publish: no reading with a distance' };
    const sink = publisher({
      ...endpointOf(broker ?? undefined, services),
      // Under the client id of the node the broker would end the node's own connection.
      clientId: `fieldline-test-${randomUUID().slice(0, 8)}`,
      answerMs: LIMIT_MS / 2,
    });
    const timer = setTimeout(() => void sink.close(), LIMIT_MS);
    const began = performance.now();
    try {
      const [outcome] = await sink.write(rows);
      const ms = Math.round(performance.now() - began);
      if (typeof outcome === 'object') return { ok: false, says: `refused: ${outcome.rejected}` };
      return { ok: true, says: `${qos === 0 ? 'sent' : 'acknowledged'} on ${rows[0]?.topic} in ${ms} ms` };
    } catch (error) {
      return { ok: false, says: `away: ${reasonOf(error)}` };
    } finally {
      clearTimeout(timer);
      await sink.close();
    }
  });
}
