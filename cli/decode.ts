// `fieldline decode adverts|laser`: one answer line for each line, in order, each decoded alone.
import { advertReading } from '../src/decoders/advert-reading.ts';
import { advertOf, normalAddress } from '../src/decoders/advert-record.ts';
import { type LaserKind, laserKinds } from '../src/decoders/laser/define.ts';
import { laserReading } from '../src/decoders/laser/frame.ts';
import { type Registry, registryOf, shippedDecoders } from '../src/decoders/registry.ts';
import type { UserDecoders } from '../src/decoders/user-folder.ts';
import { fromHex } from '../src/kernel/bytes.ts';
import type { Reading } from '../src/reading/reading.ts';
import { type Io, type Line, linesOf } from './io.ts';
import { checkNamedFolder, openOwnDecoders } from './own-decoders.ts';
import { subcommand, wrongUse } from './subcommand.ts';

type Answer = Reading | { rejected: string };
/** Decodes one record. The time of a record that gives none is that of reading it. */
type Decode = (record: Record<string, unknown>, now: number) => Answer;

const USAGE = `Usage: fieldline decode adverts|laser [--folder FOLDER]

Reads JSON lines, writes one for each, in order: {"reading": …} or {"rejected": reason}, with the "id" of the line where it has one.

  adverts           {"address", "name", "rssi", "manufacturer_data": {"0499": hex}, "service_data", "service_uuids", "timestamp"}
  laser             {"hex", "kind"?: ${laserKinds.join(' | ')}, "address"?, "timestamp"?}

  --folder FOLDER   of adverts: your own decoders beside the shipped ones (docs/add-a-decoder.md)`;

const FORMS = ['adverts', 'laser'];
const options = { folder: { type: 'string' } } as const;

/** Exit code: 0 done, 2 wrong use. */
export const run = subcommand(
  { name: 'decode', text: USAGE, options, arguments: true },
  async ({ values: { folder }, positionals: [form = '', ...more] }, io) => {
    if (!FORMS.includes(form) || more.length > 0)
      throw wrongUse('argument', FORMS.join(' or '), [form, ...more].join(' ') || undefined);
    if (folder !== undefined && form === 'laser') throw wrongUse('--folder', 'adverts', form);
    checkNamedFolder('--folder', folder);
    const decoders = form === 'laser' ? undefined : await decodersOf(folder, io);
    const decode = decoders === undefined ? laserDecode : advertDecode(decoders.registry);
    try {
      for await (const lines of linesOf(io.stdin)) for (const line of lines) await io.stdout(answerTo(line, decode));
    } finally {
      decoders?.close();
    }
    return 0;
  },
);

/** The shipped decoders, and those of the folder: its files that are at fault are named on standard error. */
async function decodersOf(folder: string | undefined, io: Io): Promise<Pick<UserDecoders, 'registry' | 'close'>> {
  if (folder === undefined) {
    const registry = registryOf((await shippedDecoders()).map(({ decoder }) => decoder));
    return { registry: () => registry, close() {} };
  }
  return openOwnDecoders(folder, fault => io.stderr(`fieldline decode: ${fault}`));
}

function advertDecode(registry: () => Registry): Decode {
  return (record, now) => {
    const advert = advertOf(record);
    if ('rejected' in advert) return advert;
    const verdict = registry().decode(advert);
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
