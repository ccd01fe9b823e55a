// An outbox in a folder of its own for each test of a suite, and all that lies in one.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Gone, type Outbox, type OutboxOptions, openOutbox } from './outbox.ts';

export type OutboxPlace = {
  readonly folder: string;
  /** Of the outbox that is opened next. */
  file: string;
  /** What the outbox has told to be gone in this test. */
  gone: Gone[];
  /** Opens it; one that is open is closed first. */
  open<Row = unknown>(options?: OutboxOptions<Row>): Promise<Outbox<Row>>;
};

/** To be called in a `describe`: each of its tests begins with an empty folder, and leaves nothing. */
export function outboxPlace(): OutboxPlace {
  let opened: { close(): Promise<void> } | undefined;
  const place: OutboxPlace & { folder: string } = {
    folder: '',
    file: '',
    gone: [],
    async open<Row>(options: OutboxOptions<Row> = {}) {
      await opened?.close();
      const outbox = await openOutbox<Row>(place.file, { onGone: one => place.gone.push(one), ...options });
      opened = outbox;
      return outbox;
    },
  };
  beforeEach(() => {
    place.folder = mkdtempSync(join(tmpdir(), 'outbox-'));
    place.file = join(place.folder, 'link.outbox');
    place.gone = [];
  });
  afterEach(async () => {
    await opened?.close();
    opened = undefined;
    rmSync(place.folder, { recursive: true, force: true });
  });
  return place;
}

/** Everything that lies there, in order; taken out for good. */
export async function drain<Row>(outbox: Outbox<Row>, most = 1000): Promise<Row[]> {
  const rows: Row[] = [];
  for (;;) {
    const batches = await outbox.next(most);
    if (batches.length === 0) return rows;
    rows.push(...batches.flatMap(batch => batch.rows));
    outbox.settle(batches);
  }
}

export const numbers = (from: number, count: number): number[] => Array.from({ length: count }, (_, at) => from + at);

/** Does not shrink when it is compressed. */
export const noise = (length: number): string =>
  Array.from({ length }, () => Math.floor(Math.random() * 36).toString(36)).join('');
