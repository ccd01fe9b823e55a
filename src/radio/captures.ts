// Captures: what real devices sent, one JSON record a line, checked when loaded. The format: sim/captures/README.md.
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { fromHex } from '../kernel/bytes.ts';
import { Fault, reasonOf } from '../kernel/fault.ts';

const MAX_BYTES = 64 * 1024 * 1024;

const common = { at: z.number().min(0).max(86_400_000), address: z.string().min(1).max(64) };
const hex = z.string().refine(text => text === '' || fromHex(text) !== undefined, 'expected hex');
const hexMap = z.record(z.string(), hex).optional();

const advertCapture = z.object({
  kind: z.literal('advert'),
  ...common,
  name: z.string().optional(),
  rssi: z.number().optional(),
  tx_power: z.number().optional(),
  service_data: hexMap,
  manufacturer_data: hexMap,
  service_uuids: z.array(z.string()).optional(),
});
const notificationCapture = z.object({
  kind: z.literal('notification'),
  ...common,
  service: z.string().min(4),
  characteristic: z.string().min(4),
  hex,
});
const capture = z.discriminatedUnion('kind', [advertCapture, notificationCapture]);

export type AdvertCapture = z.infer<typeof advertCapture>;
export type NotificationCapture = z.infer<typeof notificationCapture>;
export type Captures = { adverts: readonly AdvertCapture[]; notifications: readonly NotificationCapture[] };

/** The captures that come with Fieldline; source and build find them at the same relative path. */
export const builtinCaptures = fileURLToPath(new URL('../../sim/captures', import.meta.url));

/** Loads a `.jsonl` file or all of a folder. Rejects with FIELDLINE_RADIO, naming file and line. */
export async function loadCaptures(place: string): Promise<Captures> {
  try {
    const files = (await stat(place)).isDirectory()
      ? (await readdir(place))
          .filter(name => name.endsWith('.jsonl'))
          .sort()
          .map(name => path.join(place, name))
      : [place];
    const records = (await Promise.all(files.map(readCaptures))).flat().sort((a, b) => a.at - b.at);
    if (records.length === 0) throw new Error(`${place}: expected at least one capture, got none`);
    return {
      adverts: records.filter(record => record.kind === 'advert'),
      notifications: records.filter(record => record.kind === 'notification'),
    };
  } catch (error) {
    throw new Fault('FIELDLINE_RADIO', `captures: ${reasonOf(error)}`, { cause: error });
  }
}

async function readCaptures(file: string): Promise<z.infer<typeof capture>[]> {
  const { size } = await stat(file);
  if (size > MAX_BYTES) throw new Error(`${file}: expected at most ${MAX_BYTES} bytes, got ${size}`);
  const lines = (await readFile(file, 'utf8')).split(/\r?\n/);
  return lines.flatMap((line, at) =>
    line.trim() === '' ? [] : [captureOf(line, `${path.basename(file)} line ${at + 1}`)],
  );
}

function captureOf(line: string, where: string): z.infer<typeof capture> {
  let record: unknown;
  try {
    record = JSON.parse(line);
  } catch {
    throw new Error(`${where}: expected JSON`);
  }
  const parsed = capture.safeParse(record);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new Error(`${where}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not a capture'}`);
}
