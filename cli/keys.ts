// fieldline keys: makes, lists, rotates and revokes the API keys with which gateways and apps post readings.
import type { parseArgs } from 'node:util';
import { createKey, type KeyKind, keyKinds, listKeys, revokeKeys, rotateKey } from '../src/api/keys.ts';
import { MAX_PER_MINUTE } from '../src/api/rate.ts';
import type { Query } from '../src/reading/contracts.ts';
import { openStore } from '../src/store/store.ts';
import { withDatabase } from './database.ts';
import { subcommand, wrongUse as wrong } from './subcommand.ts';

const USAGE = `Usage: fieldline keys create NAME | list | rotate NAME|ID | revoke NAME|ID [options]

  create     makes a key for one gateway or app; the key is told once, here, and kept nowhere
  list       one JSON line for each key, newest first, without the keys themselves
  rotate     makes a further key of the same name; the old one works on for a while
  revoke     the key (by name: all keys of that name) stops working within a second

  --kind gateway|app      of create; gateway (10 requests a minute) unless said otherwise, app 600
  --per-minute N          of create; a limit of its own
  --partial               of create; takes the good readings of a batch that has bad ones
  --org ID                of create: organisation of what is posted with it; of rotate and revoke: whose key is meant
  --expires-hours N       of create; never unless said otherwise
  --overlap-hours N       of rotate; 24
  --database-url URL      instead of DATABASE_URL, or of the gateway that runs`;

const options = {
  kind: { type: 'string' },
  'per-minute': { type: 'string' },
  partial: { type: 'boolean' },
  org: { type: 'string' },
  'expires-hours': { type: 'string' },
  'overlap-hours': { type: 'string' },
  'database-url': { type: 'string' },
} as const;

type Values = ReturnType<typeof parseArgs<{ options: typeof options }>>['values'];

/** Exit code: 0 done, 1 failed, 2 wrong use. */
export const run = subcommand(
  { name: 'keys', text: USAGE, options, arguments: true },
  async ({ values, positionals }, io) => {
    const work = workOf(positionals, values);
    return withDatabase(io, values['database-url'], async ({ url }) => {
      const store = openStore({ url, connections: 1 });
      try {
        for (const line of await work(store.query)) await io.stdout(JSON.stringify(line));
        return 0;
      } finally {
        await store.close();
      }
    });
  },
);

/** Checked before any database is asked. */
function workOf(
  [command, who, ...more]: readonly string[],
  values: Values,
): (query: Query) => Promise<readonly object[]> {
  if (more.length > 0) throw wrong('argument', 'one name', [who, ...more].join(' '));
  if (command === 'list' && who === undefined) return listKeys;
  if (command === undefined || !['create', 'rotate', 'revoke'].includes(command))
    throw wrong('argument', 'create, list, rotate or revoke', command);
  const name = who?.trim() ?? '';
  if (name === '' || name.length > 100) throw wrong(`keys ${command}`, 'a name of at most 100 characters', who);
  if (values.org?.trim() === '') throw wrong('--org', 'an organisation', 'nothing');
  const meant = { who: name, orgId: values.org };
  if (command === 'revoke') return query => revokeKeys(query, meant);
  if (command === 'rotate') {
    const hours = numberOf(values, 'overlap-hours') ?? 24;
    return async query => [await rotateKey(query, meant, hours)];
  }
  const kind = keyKinds.find(one => one === (values.kind ?? 'gateway'));
  if (kind === undefined) throw wrong('--kind', keyKinds.join(' or '), values.kind ?? '');
  const limitPerMinute = numberOf(values, 'per-minute', 1, MAX_PER_MINUTE);
  if (limitPerMinute !== undefined && !Number.isInteger(limitPerMinute))
    throw wrong('--per-minute', 'a whole number', limitPerMinute);
  const expiresInHours = numberOf(values, 'expires-hours');
  const wish = {
    name,
    kind: kind as KeyKind,
    orgId: values.org,
    partial: values.partial,
    limitPerMinute,
    expiresInHours,
  };
  return async query => [await createKey(query, wish)];
}

function numberOf(
  values: Values,
  option: 'per-minute' | 'expires-hours' | 'overlap-hours',
  least = 0,
  most = 1_000_000,
): number | undefined {
  const given = values[option];
  if (given === undefined) return undefined;
  const number = given.trim() === '' ? Number.NaN : Number(given);
  if (!(number >= least && number <= most)) throw wrong(`--${option}`, `a number from ${least} to ${most}`, given);
  return number;
}
