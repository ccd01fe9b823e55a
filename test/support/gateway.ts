// A gateway on a database of its own for a suite of tests, started, and that database as other programs see it.
import pg from 'pg';
import { type Gateway, makeGateway } from '../../bench/gateway.ts';
import { postgresFor, type TestPostgres } from './postgres.ts';

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
