// A gateway on a database of its own for a suite of tests, started, that database as other programs see it, and its door for measurements.
import pg from 'pg';
import { type Gateway, makeGateway } from '../../bench/gateway.ts';
import { postgresFor, type TestPostgres } from './postgres.ts';
import { until } from './until.ts';

export type GatewayOnDatabase = {
  readonly gateway: Gateway;
  readonly pool: pg.Pool;
  readonly postgres: TestPostgres;
  /** Of the database. */
  readonly url: string;
  /** Ends all of it. */
  remove(): Promise<void>;
};

/** `context`: of the hook that calls it; the suite is skipped where there is no PostgreSQL. */
export async function gatewayOnDatabase(
  context: Mocha.Context,
  name: string,
  env: Readonly<Record<string, string>> = {},
): Promise<GatewayOnDatabase> {
  const postgres = await postgresFor(context);
  const url = await postgres.database(name);
  const gateway = await makeGateway({ databaseUrl: url, env });
  const pool = new pg.Pool({ connectionString: url, max: 2 });
  pool.on('error', () => undefined);
  const remove = async (): Promise<void> => {
    await pool.end();
    await gateway.remove();
    await postgres.stop();
  };
  try {
    await gateway.start();
  } catch (error) {
    await remove();
    throw error;
  }
  return { gateway, pool, postgres, url, remove };
}

/** The API key that a first start prints when all is ready, which /health may tell a moment before. */
export async function firstKeyOf(gateway: Pick<Gateway, 'log'>): Promise<string> {
  const told = () => /told this once: (flk_[\w-]+)/.exec(gateway.log)?.[1];
  await until(
    () => told() !== undefined,
    () => gateway.log.slice(-2000),
  );
  return told() ?? '';
}

/** Posts one message or an array of them as a gateway of the field does; resolves with the answer, whatever it says. */
export function postIngest(
  at: Pick<Gateway, 'url'>,
  key: string,
  body: unknown,
  signal?: AbortSignal,
): Promise<Response> {
  return fetch(`${at.url}/api/ingest`, {
    method: 'POST',
    headers: { 'x-api-key': key, 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: signal ?? null,
  });
}
