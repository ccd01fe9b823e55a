// The scene of the durability tests: one PostgreSQL for all of them, and a gateway with a database of its own for each.
import { type Gateway, makeGateway } from '../../bench/gateway.ts';
import { openRows, type Rows } from '../../bench/rows.ts';
import { postgresFor, type TestPostgres } from '../support/postgres.ts';

export type Scene = {
  readonly postgres: TestPostgres;
  readonly gateway: Gateway;
  readonly rows: Rows;
  close(): Promise<void>;
};

let databases = 0;

/** For `before(async function () { scene = await openScene(this); })`: the gateway runs the shipped flow and is ready. */
export async function openScene(context: Mocha.Context): Promise<Scene> {
  const postgres = await postgresFor(context);
  context.timeout(120_000);
  const databaseUrl = await postgres.database(`durability_${++databases}`);
  const gateway = await makeGateway({ databaseUrl });
  const rows = openRows(databaseUrl);
  const close = async () => {
    await rows.close();
    await gateway.remove();
    await postgres.stop();
  };
  try {
    await gateway.start();
  } catch (error) {
    await close();
    throw error;
  }
  return { postgres, gateway, rows, close };
}
