// Database errors as faults: which speak of the row, which of the database, and what they say.
import assert from 'node:assert/strict';
import { databaseFault, isRule, mayBeOfRow } from './fault.ts';

describe('database faults', () => {
  const cases: readonly [code: string | undefined, message: string, kind: string, says: RegExp][] = [
    ['22P02', 'invalid input', 'data', /invalid input.*22P02/],
    ['23505', 'duplicate key', 'data', /23505/],
    ['54000', 'index row size', 'data', /54000/],
    ['P0001', 'raised by a trigger', 'data', /P0001/],
    ['XX000', 'invalid memory alloc request size 1073741824', 'data', /XX000/],
    ['2200H', 'nextval: reached maximum value of sequence "x"', 'outage', /raise its MAXVALUE/],
    ['XX000', 'cache lookup failed for type 1', 'outage', /XX000/],
    ['42P01', 'relation "x" does not exist', 'outage', /a table is missing: .* "fieldline migrate" makes it/],
    ['42P10', 'there is no unique or exclusion constraint', 'outage', /a unique index is missing/],
    ['42883', 'function x() does not exist', 'outage', /a function is missing/],
    ['25006', 'cannot execute INSERT', 'outage', /read-only/],
    ['40P01', 'deadlock detected', 'outage', /40P01/],
    ['53100', 'could not extend file', 'outage', /disk .* full/],
    ['57P01', 'terminating connection', 'outage', /57P01/],
    ['57014', 'canceling statement due to statement timeout', 'outage', /57014/],
    ['28P01', 'password authentication failed', 'outage', /password is refused/],
    ['26000', 'prepared statement "x" does not exist', 'outage', /a pooler/],
    ['08P01', 'transaction blocks not allowed in statement pooling mode', 'outage', /pool_mode of PgBouncer/],
    ['08P01', 'query_wait_timeout', 'outage', /default_pool_size/],
    ['08P01', 'no more connections allowed (max_client_conn)', 'outage', /raise its max_client_conn/],
    ['08P01', 'server login has been failing, try again later (server_login_retry)', 'outage', /looks again/],
    ['08P01', 'unsupported startup parameter: options', 'outage', /ignore_startup_parameters/],
    ['53300', 'too many connections for role "x"', 'outage', /Most connections/],
    [undefined, 'timeout exceeded when trying to connect', 'outage', /all connections .* are busy/],
    ['ENOENT', "ENOENT: no such file or directory, open '/x/ca.pem'", 'outage', /that the address names .*sslrootcert/],
    ['ENOENT', 'connect ENOENT /run/postgresql/.s.PGSQL.5432', 'outage', /5432$/],
    ['0A000', 'DO ALSO rules are not supported for data-modifying statements in WITH', 'outage', /let a trigger do/],
    [undefined, 'The server does not support SSL connections', 'outage', /switch ssl on/],
    ['ERR_OSSL_X509_KEY_VALUES_MISMATCH', 'x509 certificate routines::key values mismatch', 'outage', /do not belong/],
    ['28000', 'connection requires a valid client certificate', 'outage', /add &sslcert=/],
    ['28000', 'role "x" is not permitted to log in', 'outage', /ALTER ROLE … LOGIN; SQLSTATE 28000/],
    ['28000', 'certificate authentication failed for user "x"', 'outage', /another user/],
    ['ERR_SSL', 'ssl3_read_bytes:tlsv1 alert unknown ca:../deps', 'outage', /refuses the client certificate/],
    [undefined, 'SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string', 'outage', /asks for a password/],
    ['CERT_HAS_EXPIRED', 'certificate has expired', 'outage', /needs a new certificate/],
    ['CERT_NOT_YET_VALID', 'certificate is not yet valid', 'outage', /time of this machine and of the server/],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'self-signed certificate', 'outage', /let &sslrootcert=.* name its issuer/],
    ['0A000', 'cannot perform INSERT RETURNING on relation "t"', 'outage', /let a trigger do what the rule/],
    ['ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:5432', 'outage', /ECONNREFUSED/],
    ['EPIPE', 'write EPIPE', 'outage', /EPIPE/],
    [undefined, 'Connection terminated unexpectedly', 'outage', /terminated/],
  ];
  for (const [code, message, kind, says] of cases)
    it(`${code ?? 'no code'} is ${kind}`, () => {
      const fault = databaseFault(Object.assign(new Error(message), { code }));
      assert.equal(fault.kind, kind);
      assert.match(fault.message, says);
    });

  const into = (table: string, key: string) => `INSERT INTO ${table} (a) SELECT 1 ON CONFLICT (${key}) DO NOTHING`;
  const statements: readonly [sql: string, says: string][] = [
    [into('receipts', 'key, target'), 'make it anew: CREATE UNIQUE INDEX ON receipts (key, target);'],
    [
      `WITH a AS (${into('"Own"."m"', '"a"')}), b AS (INSERT INTO log (x) SELECT 1) ${into('devices', 'id')}`,
      'make the one that its table (\\d in psql) has not: CREATE UNIQUE INDEX ON "Own"."m" ("a"); CREATE UNIQUE INDEX ON devices (id);',
    ],
  ];
  for (const [sql, says] of statements)
    it(`of a unique index that is missing say what to type: ${sql}`, () => {
      const error = Object.assign(new Error('there is no unique constraint'), { code: '42P10' });
      assert.ok(databaseFault(error, sql).message.includes(`a unique index is missing; ${says}`));
    });

  for (const [code, routine, kind] of [
    ['AB123', 'exec_stmt_raise', 'data'],
    ['44000', 'ExecWithCheckOptions', 'data'],
    ['42501', 'ExecWithCheckOptions', 'outage'],
    ['23514', 'ExecFindPartition', 'outage'],
    ['23514', 'ExecConstraints', 'data'],
    ['42501', 'exec_stmt_raise', 'data'],
    ['40001', 'exec_stmt_raise', 'outage'],
    ['42501', 'aclcheck_error', 'outage'],
    ['53400', 'decompress_batches', 'data'],
  ] as const)
    it(`${code} told by ${routine} is ${kind}`, () => {
      const fault = databaseFault(Object.assign(new Error('refused'), { code, routine }));
      assert.equal(fault.kind, kind);
      assert.equal(isRule(fault), `${code} ${routine}` === '42501 ExecWithCheckOptions');
    });

  for (const [code, whose] of [
    ['42P01', true],
    ['42601', true],
    ['2F005', true],
    ['55000', true],
    ['0A000', true],
    ['XX000', true],
    ['XX001', false],
    ['2200H', false],
    ['25006', false],
    ['40P01', false],
    ['53100', false],
    ['55P03', false],
    ['57014', false],
    ['58030', false],
    ['28P01', false],
    ['26000', false],
    [undefined, false],
    ['ECONNREFUSED', false],
  ] as const)
    it(`${code ?? 'no code'} ${whose ? 'may be' : 'is not'} of a row`, () => {
      assert.equal(mayBeOfRow(databaseFault(Object.assign(new Error('refused'), { code }))), whose);
    });

  it('take a statement that is too long for a string as data, so that it is cut into parts', () => {
    assert.equal(databaseFault(new RangeError('Invalid string length')).kind, 'data');
  });

  it('have words where a name with several addresses fails', () => {
    const error = new AggregateError(
      [new Error('connect ECONNREFUSED ::1:1'), new Error('connect ECONNREFUSED 127.0.0.1:1')],
      '',
    );
    assert.match(databaseFault(error).message, /::1:1, connect/);
  });
});
