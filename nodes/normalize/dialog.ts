// What the dialog of normalize asks: what its tables make of the last message of a topic, or of one that is typed in. Undeployed values count.
import { expected } from '../../src/kernel/fault.ts';
import type { Admin } from '../../src/palette/define.ts';
import { checkSettings } from '../../src/palette/settings.ts';
import type { Raw } from '../../src/reading/raw.ts';
import { withComputed } from '../../src/stream/expression.ts';
import { intake } from '../../src/stream/intake.ts';
import { fields } from './fields.ts';
import { recalled } from './recall.ts';
import { normalizerOf } from './settings.ts';

type Asked = { node?: unknown; settings?: unknown; topic?: unknown; text?: unknown };

export function dialog(admin: Admin): void {
  // Body: `{ node }`; topics of the messages that the deployed node has seen, each with its last text, the newest first.
  admin.act('fieldline/normalize/last', ({ body }) => {
    const { node } = (body ?? {}) as Asked;
    return { messages: [...recalled(String(node))].reverse().map(([topic, text]) => ({ topic, text })) };
  });
  // Body: `{ settings, topic, text }`; the readings, and the reasons for what gives none.
  admin.act('fieldline/normalize/preview', async ({ body, expression }) => {
    const { settings: given, topic, text } = (body ?? {}) as Asked;
    if (typeof topic !== 'string' || typeof text !== 'string')
      throw new Error(expected('body', '{ settings, topic, text }', body));
    const { settings, faults } = checkSettings(fields, (given ?? {}) as Record<string, unknown>);
    if (faults.length > 0) throw new Error(faults.join('; '));
    const normalize = normalizerOf(settings);
    const raw: Raw = { topic, bytes: Buffer.from(text), receivedAt: Date.now(), source: 'preview', protocol: 'mqtt' };
    const compute = settings.expression.trim() === '' ? undefined : expression(settings.expression);
    const payload = compute ? await withComputed(raw, topic, Date.now(), normalize, compute) : raw;
    const { readings, rejected } = intake(payload, topic, Date.now(), normalize);
    return { readings, rejected: rejected.map(({ reason }) => reason) };
  });
}
