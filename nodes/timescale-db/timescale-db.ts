// timescale-db: one PostgreSQL or TimescaleDB, migrated and kept in order, shared by the nodes that write and read.
import { defineConfig } from '../../src/palette/define.ts';
import { nodeRed } from '../../src/palette/register.ts';
import { databaseAddress } from '../../src/store/address.ts';
import { shareDatabase } from '../../src/store/shared-database.ts';
import { defaultConnections } from '../../src/store/store.ts';

export const definition = defineConfig({
  type: 'fieldline-timescale-db',
  family: 'config',
  labelField: 'url',
  summary: 'One PostgreSQL or TimescaleDB, shared by the nodes that write to it and read from it.',
  fields: {
    url: {
      kind: 'text',
      label: 'Address',
      help: 'postgres://user@host:port/database. Empty: the database of the gateway, else DATABASE_URL.',
      initial: '',
      optional: true,
      pattern: '^postgres(ql)?://.+',
      says: 'an address such as postgres://fieldline@localhost:5432/fieldline',
    },
    password: {
      kind: 'secret',
      label: 'Password',
      help: 'Kept with the credentials of the flow, not in it; replaces a password in the address.',
      initial: '',
    },
    connections: {
      kind: 'number',
      label: 'Most connections',
      help: 'All nodes with this database share them. 20 at most: more makes a database slower, not faster.',
      initial: defaultConnections,
      min: 2,
      max: defaultConnections,
      integer: true,
      clamped: true,
    },
    statementTimeoutSeconds: {
      kind: 'number',
      label: 'Longest statement',
      unit: 's',
      help: 'A statement that takes longer is ended and, where it was a write, tried again.',
      initial: 30,
      min: 1,
      max: 3600,
    },
    keepRawDays: {
      kind: 'number',
      label: 'Keep raw messages',
      unit: 'days',
      help: '0 keeps them for ever. Older ones are removed every hour, in small steps, and cannot be replayed.',
      initial: 0,
      min: 0,
      max: 36500,
    },
    migrations: {
      kind: 'choice',
      label: 'Tables',
      help: 'Who makes and upgrades the tables of Fieldline in this database.',
      initial: 'apply',
      options: [
        ['apply', 'make and upgrade them when the flow starts'],
        ['wait', 'wait until somebody has run "fieldline migrate"'],
      ],
    },
  },
  start(settings, host) {
    const database = shareDatabase({
      url: databaseAddress(settings.url, host.services['databaseUrl']),
      password: host.secret('password'),
      connections: settings.connections,
      statementTimeoutMs: settings.statementTimeoutSeconds * 1000,
      ...(settings.keepRawDays > 0 && { keepRawDays: settings.keepRawDays }),
      migrate: settings.migrations === 'apply',
      log: (level, text) => host.log(level, text),
    });
    return { provides: database, close: () => database.close() };
  },
});

export default nodeRed(definition);
