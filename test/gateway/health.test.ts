// The part "database" of /health: whether it answers, and where it does not, what to do about it.
import assert from 'node:assert/strict';
import pg from 'pg';
import { databaseProbe, type Part } from '../../gateway/health.ts';
import { postgresFor, type TestPostgres } from '../support/postgres.ts';
import { until } from '../support/until.ts';

describe('the health of the database', () => {
  let server: TestPostgres;
  before(async function () {
    server = await postgresFor(this);
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    await client.query("CREATE ROLE few LOGIN PASSWORD 'few' CONNECTION LIMIT 0");
    await client.end();
  });
  after(() => server?.stop());

  const few = (url: string): string => url.replace(/\/\/[^@]+@/, '//few:few@');
  const table: [name: string, url: (url: string) => string, says: RegExp][] = [
    ['answers', url => url, /^answers$/],
    ['has no connection left', few, /^too many connections .*: raise the limit, or lower "Most connections"/],
    [
      'asks for a file that is not there',
      url => `${url}?sslmode=require&sslrootcert=/nowhere.pem`,
      /^ENOENT: .*sslrootcert/,
    ],
  ];
  for (const [name, urlOf, says] of table)
    it(name, async () => {
      const probe = databaseProbe(urlOf(server.url));
      let part: Part | undefined;
      // A machine that stands still for longer than the time of one answer is asked again.
      const answers = async () => {
        [part] = await probe.ask();
        return says.test(part!.detail);
      };
      await until(answers, () => part).finally(probe.close);
      assert.equal(part?.ready, name === 'answers');
    });
});
