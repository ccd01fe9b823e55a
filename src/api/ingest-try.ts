// Try-out of ingest for the dialog: what a body would be taken for, with settings that are not deployed yet. Nothing is stored.
import { tableOf } from '../reading/reading.ts';
import { timeFields, timeLimitsOf } from '../reading/time-settings.ts';
import { readBody } from './ingest-items.ts';

type Asked = {
  settings?: { maxItems?: unknown; aheadMinutes?: unknown; earliestYear?: unknown };
  device?: unknown;
  text?: unknown;
};

/** `{ says, items: [{ table, reading }, { errors }] }`. `now`: milliseconds since the epoch. */
export function tryItems(asked: unknown, now: number): { says: string; items: readonly object[] } {
  const { settings = {}, device, text } = (asked ?? {}) as Asked;
  const body = readBody(Buffer.from(String(text ?? '')), {
    deviceId: typeof device === 'string' && device.trim() !== '' ? device.trim() : undefined,
    origin: { receivedAt: now, source: 'try', protocol: 'http' },
    topic: 'http/ingest',
    maxItems: Number(settings.maxItems) || 1000,
    limits: timeLimitsOf({
      aheadMinutes: Number(settings.aheadMinutes) || 0,
      earliestYear: Number(settings.earliestYear) || timeFields.earliestYear.initial,
    }),
  });
  if ('whole' in body) return { says: `refused: ${body.whole.detail}`, items: [] };
  const items = body.items.map(item => {
    if (!('reading' in item)) return { errors: item.faults };
    const { raw: _raw, ...metadata } = item.reading.metadata;
    return { table: tableOf(item.reading.telemetry), reading: { ...item.reading, metadata } };
  });
  const bad = items.filter(item => 'errors' in item).length;
  const says = bad === 0 ? `${items.length} taken` : `refused (400): ${bad} of ${items.length} wrong`;
  return { says, items };
}
