// One statement on a connection, and how long its answer may take.
import type { ClientBase, QueryConfig, QueryResult } from 'pg';

/**
 * Rejects as the driver does: with an Error of the server's fields, or `Query read timeout` after `limitMs` without an
 * answer; the connection then still waits for it and is of no more use.
 *
 * With the driver's own limit and promise each statement, with the bytes of all its values, outlives every young collection
 * and waits for a full one (docs/adr/0007): its callback lives in one scope with the statement. In this scope there are
 * only functions, and the statement dies with its answer.
 */
export function ask(client: ClientBase, statement: QueryConfig, limitMs: number): Promise<QueryResult> {
  const { promise, resolve, reject } = Promise.withResolvers<QueryResult>();
  const limit = setTimeout(() => reject(new Error('Query read timeout')), limitMs);
  client.query(statement, (error: Error | null, result) => {
    clearTimeout(limit);
    if (error) reject(error);
    else resolve(result);
  });
  return promise;
}
