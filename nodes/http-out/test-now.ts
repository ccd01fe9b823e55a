// What the dialog of http-out asks: one post, now, with settings that are not deployed, and what the server makes of it.
import { randomUUID } from 'node:crypto';
import { expected, reasonOf } from '../../src/kernel/fault.ts';
import type { Admin } from '../../src/palette/define.ts';
import { checkSettings } from '../../src/palette/settings.ts';
import { parseJson } from '../../src/reading/payload.ts';
import { httpSink } from '../../src/sinks/http.ts';
import { fields } from './fields.ts';
import { targetOf } from './target.ts';

/** Below the time that a dialog waits. */
const LIMIT_MS = 8000;

type Asked = { node?: unknown; settings?: Record<string, unknown>; text?: unknown };

export function testNow(admin: Admin): void {
  // Body: `{ node, settings, text }`; the text is posted once, as it is, without outbox or dead letter.
  admin.act('fieldline/http-out/test', async ({ body, secret, services }) => {
    const { node, settings: given = {}, text } = (body ?? {}) as Asked;
    const { settings, faults } = checkSettings(fields, given);
    if (faults.length > 0) throw new Error(faults.join('; '));
    if (typeof text !== 'string' || parseJson(text) === undefined) throw new Error(expected('message', 'JSON', text));
    const target = targetOf(settings, { services, secret: field => secret(String(node), field, given[field]) });
    const timeoutMs = Math.min(settings.timeoutSeconds * 1000, LIMIT_MS);
    const sink = httpSink({ ...target, timeoutMs, maxBytes: settings.maxMegabytes * 1e6 });
    const began = performance.now();
    try {
      const [outcome] = await sink.write([{ id: randomUUID(), body: text }]);
      const ms = Math.round(performance.now() - began);
      if (typeof outcome === 'object') return { ok: false, says: `refused: ${outcome.rejected}` };
      return { ok: true, says: `taken by ${target.url} in ${ms} ms` };
    } catch (error) {
      return { ok: false, says: `away: ${reasonOf(error)}` };
    } finally {
      await sink.close();
    }
  });
}
