// COPY over the PostgreSQL protocol: rows as text in and out, with the pg driver alone.
// https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-COPY
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import type pg from 'pg';

/** What the driver's connection offers besides queries; the parts that COPY needs. */
type Connection = {
  stream: Duplex;
  query(sql: string): void;
  sendCopyFromChunk(chunk: Uint8Array): void;
  endCopyFrom(): void;
  sendCopyFail(reason: string): void;
};
/** What the driver calls on a query of one's own. */
type Submittable = {
  callback?: (error?: Error | null) => void;
  submit(connection: Connection): void;
  handleCopyData(message: { chunk: Buffer }, connection: Connection): void;
  handleCopyInResponse(connection: Connection): void;
  handleError(error: Error): void;
  handleReadyForQuery(): void;
};
const nothing = (): void => {};

function submit(client: pg.ClientBase, sql: string, own: Partial<Submittable>): Promise<void> {
  return new Promise((resolve, reject) => {
    let failure: Error | undefined;
    const submittable: Submittable & Record<string, unknown> = {
      submit: connection => connection.query(sql),
      handleRowDescription: nothing,
      handleDataRow: nothing,
      handleCommandComplete: nothing,
      handleEmptyQuery: nothing,
      handleCopyData: nothing,
      handleCopyInResponse: nothing,
      handleError(error) {
        failure ??= error;
        // Without a connection no ReadyForQuery follows.
        reject(failure);
      },
      handleReadyForQuery: () => (failure === undefined ? resolve() : reject(failure)),
      ...own,
    };
    client.query(submittable as unknown as pg.Submittable);
  });
}

/** `COPY … TO STDOUT`; `take` gets the lines of the text format in pieces, and holds the server back while it works. */
export async function copyOut(
  client: pg.ClientBase,
  sql: string,
  take: (piece: Buffer) => Promise<void> | undefined,
): Promise<void> {
  let taking: Promise<void> = Promise.resolve();
  let failure: unknown;
  await submit(client, sql, {
    handleCopyData({ chunk }, connection) {
      if (failure !== undefined) return;
      // The driver uses its buffer again.
      const wait = take(Buffer.from(chunk));
      if (wait === undefined) return;
      connection.stream.pause();
      taking = wait
        .catch((error: unknown) => {
          failure = error;
        })
        .finally(() => connection.stream.resume());
    },
  });
  await taking;
  if (failure !== undefined) throw failure;
}

/** `COPY … FROM STDIN` with the pieces given. Rejects with the error of the server, or of the pieces. */
export async function copyIn(client: pg.ClientBase, sql: string, pieces: AsyncIterable<Uint8Array>): Promise<void> {
  let failure: unknown;
  await submit(client, sql, {
    handleCopyInResponse(connection) {
      const send = async (): Promise<void> => {
        for await (const piece of pieces) {
          connection.sendCopyFromChunk(piece);
          if (connection.stream.writableNeedDrain) await once(connection.stream, 'drain');
        }
        connection.endCopyFrom();
      };
      send().catch((error: unknown) => {
        failure = error;
        connection.sendCopyFail('the source of the rows failed');
      });
    },
  }).catch((error: unknown) => {
    throw failure ?? error;
  });
}
