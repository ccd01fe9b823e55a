// `fieldline doctor`: what it finds on this machine and in a wrong environment, and the ledger in figures and exit codes.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, type statfsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { digest } from '../src/kernel/bytes.ts';
import type { Line } from '../src/kernel/ledger.ts';
import { migrate } from '../src/store/migrate.ts';
import { postgresFor, type TestPostgres } from '../test/support/postgres.ts';
import { startStandby } from '../test/support/standby.ts';
import { bluetooth, clock, diskSpace, nodeVersion } from './doctor-checks.ts';
import { ask } from './command.fixture.ts';
import { run } from './doctor.ts';

const doctor = (argv: readonly string[], env: NodeJS.ProcessEnv) =>
  ask(run, argv, { PORT: '0', MQTT_LISTEN: '127.0.0.1:0', ...env });

describe('fieldline doctor', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'fieldline-doctor-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('is wrong use with an argument or an unknown option', async () => {
    assert.equal((await doctor(['now'], {})).code, 2);
    assert.equal((await doctor(['--heal'], {})).code, 2);
  });

  it('gives its findings as JSON', async () => {
    const { out } = await doctor(['--json'], { FIELDLINE_DIR: folder });
    const { findings } = JSON.parse(out);
    assert.deepEqual([findings[0].part, findings[0].state], ['Node.js', 'works']);
    const wrong = await doctor(['--json'], { PORT: 'eighty' });
    assert.deepEqual([wrong.code, JSON.parse(wrong.out).works], [1, false]);
  });

  it('names a setting that is wrong', async () => {
    const { code, out } = await doctor([], { PORT: 'eighty' });
    assert.equal(code, 1);
    assert.match(out, /^fails {2}settings +PORT: expected a port.*\n +→ Correct the setting/);
  });

  it('changes nothing, and says what works', async () => {
    const directory = path.join(folder, 'not', 'yet');
    const { out } = await doctor([], { FIELDLINE_DIR: directory });
    assert.match(out, /^works {2}Node\.js/m);
    assert.match(out, /^works {2}data directory {2}.*can be made$/m);
    assert.match(out, /^works {2}port +127\.0\.0\.1:0 is free$/m);
    assert.throws(() => mkdirSync(directory), /ENOENT/);
  });

  it('fails for a data directory whose restore was cut off', async () => {
    writeFileSync(path.join(folder, 'restore.partial'), '');
    const { code, out } = await doctor([], { FIELDLINE_DIR: folder });
    assert.equal(code, 1);
    assert.match(out, /^fails {2}data directory {2}.*: its restore was cut off\n +→ Run fieldline restore again/m);
  });

  it('fails for a port that another program has, a broker and a database that are away', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const gone = { DATABASE_URL: 'postgres://u:hidden@127.0.0.1:1/d', MQTT_URL: 'mqtt://127.0.0.1:1' };
    const { code, out } = await doctor([], { FIELDLINE_DIR: folder, PORT: String(port), ...gone });
    other.close();
    assert.equal(code, 1);
    assert.match(out, /^fails {2}port +.*EADDRINUSE.*\n +→ Stop the other program/m);
    assert.match(out, /^fails {2}broker/m);
    assert.match(out, /^fails {2}database +.*ECONNREFUSED.*\n +→ Check DATABASE_URL/m);
    assert.match(out, /3 of these must be put right\.$/);
    assert.doesNotMatch(out, /hidden/);
  });

  const disk = (free: number, all: number) =>
    diskSpace('/', (() => ({ bavail: free, bsize: 1 << 20, blocks: all })) as unknown as typeof statfsSync).state;
  it('judges version, disk and clock', () => {
    for (const [version, state] of [
      ['22.12.0', 'fails'],
      ['20.19.0', 'fails'],
      ['22.13.0', 'works'],
      ['24.1.0', 'works'],
    ] as const)
      assert.equal(nodeVersion(version).state, state, version);
    assert.deepEqual([disk(100, 1000), disk(300, 10_000), disk(5000, 10_000)], ['fails', 'warns', 'works']);
    assert.deepEqual([clock(0).state, clock(Date.UTC(2026, 5)).state], ['fails', 'works']);
    mkdirSync(path.join(folder, 'hci0'));
    assert.deepEqual([bluetooth(folder).detail, bluetooth('/nowhere').state], ['hci0', 'warns']);
  });

  describe('on a database', () => {
    let server: TestPostgres;
    before(async function () {
      server = await postgresFor(this);
    });
    after(() => server?.stop());

    it('fails where nothing can be written', async () => {
      const url = new URL(server.url);
      url.searchParams.set('options', '-c default_transaction_read_only=on');
      const { code, out } = await doctor([], { FIELDLINE_DIR: folder, DATABASE_URL: url.href });
      assert.equal(code, 1);
      assert.match(out, /^fails {2}writes +the database is read-only\n +→ Take back default_transaction_read_only/m);
      assert.match(out, /^warns {2}tables +version 0 of \d+\n +→ .*as soon as it can write/m);
    });

    it('fails on a standby, and names the primary', async () => {
      const standby = await startStandby(server);
      try {
        const { out } = await doctor([], { FIELDLINE_DIR: folder, DATABASE_URL: standby.url });
        assert.match(
          out,
          /^fails {2}writes +the database is a standby: read-only\n +→ Point DATABASE_URL at the primary/m,
        );
      } finally {
        await standby.stop();
      }
    });

    it('says how far its tables are', async () => {
      const env = { FIELDLINE_DIR: folder, DATABASE_URL: server.url };
      assert.match((await doctor([], env)).out, /^warns {2}tables +version 0 of \d+\n +→ .*fieldline migrate/m);
      await migrate(server.url);
      const { out } = await doctor([], env);
      assert.match(out, /^works {2}database +DATABASE_URL: PostgreSQL \d+/m);
      assert.match(out, /^works {2}tables +version (\d+) of \1 \((plain|timescale)\)$/m);
    });
  });

  describe('--ledger', () => {
    const totals = {
      received: 10,
      returned: 1,
      stored: 4,
      duplicates: 1,
      deadLetters: 1,
      dropped: 1,
      outbox: 1,
      open: 1,
    };
    const line: Line = { ...totals, source: 's', name: 'Homelab', openSince: 1, upTo: 0, beyond: [], countedAt: 0 };
    const keep = (lines: readonly Line[]): void => {
      const text = JSON.stringify({ generation: 1, at: '2026-01-03T16:00:00.000Z', lines });
      mkdirSync(path.join(folder, 'fieldline'), { recursive: true });
      writeFileSync(path.join(folder, 'fieldline', 'ledger-1.json'), `${digest(text)}\n${text}\n`);
    };
    const asked = (...more: string[]) => doctor(['--ledger', ...more], { FIELDLINE_DIR: folder });

    it('does not take a directory that is not there for one in which nothing was counted', async () => {
      const { code, errors } = await doctor(['--ledger'], { FIELDLINE_DIR: path.join(folder, 'typo') });
      assert.equal(code, 1);
      assert.match(errors, /typo: expected the data directory of a gateway, got nothing/);
    });

    it('shows every source, and that it balances', async () => {
      assert.equal((await asked()).out, `No message was counted yet in ${path.join(folder, 'fieldline')}.`);
      keep([line]);
      const { code, out } = await asked();
      assert.equal(code, 0);
      assert.match(out, /^Homelab +9 +4 +1 +1 +1 +2 +0$/m);
      assert.match(out, /it balances\.$/);
    });

    it('fails when a message is missing, or one too many is there', async () => {
      for (const stored of [3, 5]) {
        keep([line, { ...line, source: 'other', stored }]);
        const { code, out } = await asked();
        assert.equal(code, 1);
        assert.match(out, /1 of 2 sources does not balance\.$/);
      }
    });

    it('tells sources of one name apart, and keeps long names and numbers apart', async () => {
      const long = { ...line, source: 'z', name: 'n'.repeat(60), received: 1e15, stored: 1e15 - 6 };
      keep([line, { ...line, source: 'other' }, long, { ...line, source: 'odd', name: 'a\u001b[31m\nb' }]);
      const { code, out } = await asked();
      assert.equal(code, 0, out);
      assert.match(out, /^Homelab \(s\) +9 /m);
      assert.match(out, /^Homelab \(other\) +9 /m);
      assert.match(out, /^n{60} +999999999999999 +999999999999994 /m);
      assert.match(out, /^a \[31m b +9 /m);
    });

    it('gives the same as JSON', async () => {
      keep([{ ...line, stored: 3 }]);
      const { code, out } = await asked('--json');
      assert.equal(code, 1);
      const { at, balances, damaged, sources } = JSON.parse(out);
      assert.deepEqual([at, balances, damaged], ['2026-01-03T16:00:00.000Z', false, false]);
      assert.deepEqual(sources, [
        {
          ...{ source: 'Homelab', id: 's', in: 9, stored: 3, duplicates: 1, dead_letters: 1, dropped: 1, in_flight: 2 },
          ...{ difference: 1, state: 'does not balance' },
        },
      ]);
    });

    it('says so where they cannot be read', async () => {
      mkdirSync(path.join(folder, 'fieldline', 'ledger-0.json'), { recursive: true });
      const { code, errors } = await asked();
      assert.equal(code, 1);
      assert.match(errors, /^fieldline doctor: the ledger in .*EISDIR.*\n.*FIELDLINE_DIR/);
    });

    it('fails where both of its files are damaged', async () => {
      mkdirSync(path.join(folder, 'fieldline'));
      writeFileSync(path.join(folder, 'fieldline', 'ledger-0.json'), 'half a pa');
      assert.deepEqual(
        [(await asked()).code, (await asked('--json')).code, JSON.parse((await asked('--json')).out).damaged],
        [1, 1, true],
      );
      assert.match((await asked()).out, /ledger-0\.json and ledger-1\.json are damaged/);
    });
  });
});
