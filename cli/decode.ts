// `fieldline decode adverts|laser`: one answer line for each line, in order, each decoded alone.
import { advertReading } from '../src/decoders/advert-reading.ts';
import { advertOf, normalAddress } from '../src/decoders/advert-record.ts';
import { type LaserKind, laserKinds } from '../src/decoders/laser/define.ts';
import { laserReading } from '../src/decoders/laser/frame.ts';
import { registryOf, shippedDecoders } from '../src/decoders/registry.ts';
import { fromHex } from '../src/kernel/bytes.ts';
import type { Reading } from '../src/reading/reading.ts';
import { type Io, type Line, linesOf } from './io.ts';

type Answer = Reading | { rejected: string };
/** Decodes one record. The time of a record that gives none is that of reading it. */
type Decode = (record: Record<string, unknown>, now: number) => Answer;

const forms: Readonly<Record<string, () => Promise<Decode>>> = {
  adverts: advertDecode,
  laser: async () => laserDecode,
};

/** argv: `adverts` or `laser`. Reads JSON lines, writes `{"id"?, "reading"}` or `{"id"?, "rejected"}` for each. */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  const [form, ...rest] = argv;
  if (form === undefined || !Object.hasOwn(forms, form) || rest.length > 0) {
    io.stderr(
      `fieldline decode: expected one of ${Object.keys(forms).join(', ')}, got ${argv.join(' ').slice(0, 60) || 'nothing'}`,
    );
    return 2;
  }
  const decode = await forms[form]!();
  for await (const lines of linesOf(io.stdin)) for (const line of lines) await io.stdout(answerTo(line, decode));
  return 0;
}

async function advertDecode(): Promise<Decode> {
  const registry = registryOf((await shippedDecoders()).map(({ decoder }) => decoder));
  return (record, now) => {
    const advert = advertOf(record);
    if ('rejected' in advert) return advert;
    const verdict = registry.decode(advert);
    if ('rejected' in verdict) return { rejected: verdict.rejected };
    const scannerId = record['scanner_id'];
    return advertReading(advert, verdict.decoder, verdict.decoded, {
      receivedAt: now,
      timestamp: record['timestamp'],
      ...(typeof scannerId === 'string' ? { scannerId } : {}),
    });
  };
}

function laserDecode(record: Record<string, unknown>, now: number): Answer {
  const { hex, kind, address, timestamp } = record;
  if (typeof hex !== 'string' || hex.trim() === '') return { rejected: 'hex: expected the bytes of a frame' };
  const bytes = fromHex(hex);
  if (bytes === undefined) return { rejected: 'hex: expected an even number of hex digits' };
  if (kind !== undefined && kind !== null && !isLaserKind(kind))
    return { rejected: `kind: expected one of ${laserKinds.join(', ')}` };
  const deviceId = typeof address === 'string' ? normalAddress(address) : undefined;
  return laserReading({
    bytes,
    receivedAt: now,
    timestamp,
    ...(isLaserKind(kind) ? { kind } : {}),
    ...(deviceId === undefined ? {} : { deviceId }),
  });
}

function isLaserKind(kind: unknown): kind is LaserKind {
  return laserKinds.some(known => known === kind);
}

function answerTo(line: Line, decode: Decode): string {
  const record = recordOf(line);
  if (typeof record === 'string') return JSON.stringify({ rejected: record });
  const id = idOf(record['id']);
  const answer = decode(record, Date.now());
  return JSON.stringify('rejected' in answer ? { ...id, rejected: answer.rejected } : { ...id, reading: answer });
}

/** The record of a line, or why it is none. Trimming takes a byte order mark away; JSON.parse's own words may quote what came. */
function recordOf({ text, cut }: Line): Record<string, unknown> | string {
  if (cut) return 'the line is too long';
  if (text.trim() === '') return 'the line is empty';
  try {
    const record: unknown = JSON.parse(text.trim());
    if (typeof record === 'object' && record !== null && !Array.isArray(record))
      return record as Record<string, unknown>;
    return 'expected a JSON object';
  } catch {
    return 'the line is not JSON';
  }
}

/** What names the line for its sender; numbers beyond a double's range would come out as nothing. */
function idOf(id: unknown): { id?: string | number | boolean } {
  if (typeof id === 'number') return Number.isFinite(id) ? { id } : {};
  return typeof id === 'string' || typeof id === 'boolean' ? { id } : {};
}
