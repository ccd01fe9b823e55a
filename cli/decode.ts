// `fieldline decode adverts|laser`: one answer line for each line, in order, each decoded alone.
import { existsSync } from 'node:fs';
import { advertReading } from '../src/decoders/advert-reading.ts';
import { advertOf, normalAddress } from '../src/decoders/advert-record.ts';
import { type LaserKind, laserKinds } from '../src/decoders/laser/define.ts';
import { laserReading } from '../src/decoders/laser/frame.ts';
import { type Registry, registryOf, shippedDecoders } from '../src/decoders/registry.ts';
import type { UserDecoders } from '../src/decoders/user-folder.ts';
import { fromHex } from '../src/kernel/bytes.ts';
import { expected } from '../src/kernel/fault.ts';
import type { Reading } from '../src/reading/reading.ts';
import { type Io, type Line, linesOf } from './io.ts';
import { openOwnDecoders } from './own-decoders.ts';

type Answer = Reading | { rejected: string };
/** Decodes one record. The time of a record that gives none is that of reading it. */
type Decode = (record: Record<string, unknown>, now: number) => Answer;

const forms = ['adverts', 'laser'] as const;
const USAGE = `usage: fieldline decode ${forms.join('|')} [--folder <own decoders>]`;

/** argv: `adverts` or `laser`, and for adverts a folder of one's own decoders. Reads JSON lines, writes `{"id"?, "reading"}` or `{"id"?, "rejected"}` for each. */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  if (argv[0] === '--help' || argv[0] === '-h') {
    io.stderr(USAGE);
    return 0;
  }
  const asked = askedOf(argv);
  if (asked === undefined) {
    io.stderr(
      `fieldline decode: expected one of ${forms.join(', ')}, got ${argv.join(' ').slice(0, 60) || 'nothing'}; ${USAGE}`,
    );
    return 2;
  }
  if (asked.folder !== undefined && !existsSync(asked.folder)) {
    io.stderr(`fieldline decode: ${expected('--folder', 'a folder that exists', asked.folder)}`);
    return 2;
  }
  const decoders = asked.form === 'laser' ? undefined : await decodersOf(asked.folder, io);
  const decode = decoders === undefined ? laserDecode : advertDecode(decoders.registry);
  try {
    for await (const lines of linesOf(io.stdin)) for (const line of lines) await io.stdout(answerTo(line, decode));
  } finally {
    decoders?.close();
  }
  return 0;
}

function askedOf(argv: readonly string[]): { form: (typeof forms)[number]; folder?: string } | undefined {
  const form = forms.find(one => one === argv[0]);
  if (form === undefined) return undefined;
  if (argv.length === 1) return { form };
  const [, option, folder] = argv;
  const right = form === 'adverts' && option === '--folder' && folder !== undefined && argv.length === 3;
  return right ? { form, folder } : undefined;
}

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
