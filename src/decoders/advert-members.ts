// One member of a payload to readings of adverts: a raw message, a buffer or text with JSON, or a parsed object.
import { digest } from '../kernel/bytes.ts';
import { scannerOf } from '../reading/advert.ts';
import { textDamage } from '../reading/payload.ts';
import { digestOf, isRaw, type Raw } from '../reading/raw.ts';
import type { Reading } from '../reading/reading.ts';
import { timeOf } from '../reading/time.ts';
import { advertReading } from './advert-reading.ts';
import { advertOf } from './advert-record.ts';
import { jsonOf, type Refusal, textOf } from './members.ts';
import { NO_DECODER, type Registry } from './registry.ts';
import type { ReplayGuard } from './replay-guard.ts';

export type AdvertContext = {
  registry: Registry;
  /** Device keys by address: 12 upper-case hex digits. */
  keys?: ReadonlyMap<string, string>;
  /** Where frames come in the order in which they were heard; not where a single one is decoded. */
  guard?: ReplayGuard;
  /** Milliseconds since the epoch, for members without a time of receipt. */
  now: number;
};

/** Label of a frame that somebody recorded and has sent again. */
export const RECORDED = 'replayed';
const MAX_ADVERTS = 1000;
const refuse = (reason: string, label: string): Refusal[] => [{ reason, label }];

/** Never throws. A message that holds an array of adverts gives an answer for each. */
export function advertsOf(member: unknown, context: AdvertContext): readonly (Reading | Refusal)[] {
  const raw = isRaw(member) ? member : undefined;
  const content = raw?.bytes ?? (typeof member === 'string' || member instanceof Uint8Array ? member : undefined);
  const record = content === undefined ? member : jsonOf(content);
  if (record === undefined) return refuse('expected an advert as JSON', 'no advert');
  if (!Array.isArray(record)) return repaired([advertAnswer(record, raw, content, context)], content);
  if (record.length > MAX_ADVERTS)
    return refuse(`expected at most ${MAX_ADVERTS} adverts, got ${record.length}`, 'no advert');
  // Several in one message: each is known by its own text.
  return repaired(
    record.map(one => advertAnswer(one, raw, undefined, context)),
    content,
  );
}

/** Says of readings that text of their message could not be stored as it came. */
function repaired(
  answers: readonly (Reading | Refusal)[],
  content: Uint8Array | string | undefined,
): readonly (Reading | Refusal)[] {
  const damage = content instanceof Uint8Array ? textDamage(content) : undefined;
  if (damage !== undefined) for (const one of answers) if ('metadata' in one) one.metadata.repaired = damage;
  return answers;
}

function advertAnswer(
  record: unknown,
  raw: Raw | undefined,
  content: Uint8Array | string | undefined,
  context: AdvertContext,
): Reading | Refusal {
  const advert = advertOf(record);
  if ('rejected' in advert) return { reason: advert.rejected, label: 'no advert' };
  const { timestamp, bindkey } = record as Record<string, unknown>;
  const key = bindkey === undefined ? context.keys?.get(advert.address?.replaceAll(':', '') ?? '') : undefined;
  const verdict = context.registry.decode(key === undefined ? advert : { ...advert, bindkey: Buffer.from(key, 'hex') });
  if ('rejected' in verdict)
    return {
      reason: verdict.rejected,
      label: verdict.rejected === NO_DECODER ? 'unknown device' : (verdict.decoder?.name ?? 'decoder'),
    };
  const scannerId = scannerOf(record, raw?.topic ?? '') ?? raw?.source;
  const { counter } = verdict.decoded;
  const receivedAt = raw?.receivedAt ?? context.now;
  const heard = { at: Date.parse(timeOf(timestamp, receivedAt).timestamp), receivedAt, entry: raw?.entry };
  if (counter && advert.address && context.guard?.isReplayed(advert.address, counter, heard))
    return { reason: 'the counter of this encrypted device fell back: a recorded frame', label: RECORDED };
  return advertReading(advert, verdict.decoder, verdict.decoded, {
    receivedAt,
    timestamp,
    digest: raw !== undefined && content === raw.bytes ? digestOf(raw) : digest(content ?? textOf(record) ?? ''),
    ...(scannerId === undefined ? {} : { scannerId }),
    ...(raw?.receipt === undefined ? {} : { receipt: raw.receipt }),
  });
}
