// One database for all who name it alike: imported flows bring a node for it each, and twenty connections are twenty, however many those are.
import { type Database, type DatabaseOptions, openDatabase } from './database.ts';

type Log = NonNullable<DatabaseOptions['log']>;
type Shared = {
  database: Database;
  users: Set<Log>;
  options: DatabaseOptions;
  /** Which database of which server, as the server says; undefined before it has. */
  identity: string | undefined;
};

const shared = new Map<string, Shared>();

/**
 * The database of the same address and settings, opened by the first and closed by the last who uses it. One that turns out
 * to be open under another address or with other settings is told of: it has connections of its own, and the shorter time
 * for raw messages holds for both.
 */
export function shareDatabase(options: DatabaseOptions): Database {
  const { log: given = () => undefined, ...rest } = options;
  // Each user is one, also where two bring the same function.
  const log: Log = (level, text) => given(level, text);
  const key = keyOf(rest);
  const mine = shared.get(key) ?? open(key, rest, log);
  mine.users.add(log);
  const { database } = mine;
  const ends = new Set<() => void>();
  return Object.create(database, {
    onState: {
      value(listener: Parameters<Database['onState']>[0]) {
        const end = database.onState(listener);
        ends.add(end);
        return () => {
          ends.delete(end);
          end();
        };
      },
    },
    close: {
      async value() {
        for (const end of ends) end();
        if (!mine.users.delete(log) || mine.users.size > 0) return;
        shared.delete(key);
        await database.close();
      },
    },
  }) as Database;
}

function open(key: string, options: DatabaseOptions, first: Log): Shared {
  const users = new Set<Log>();
  const tell: Log = (level, text) => ([...users][0] ?? first)(level, text);
  const mine: Shared = { database: openDatabase({ ...options, log: tell }), users, options, identity: undefined };
  shared.set(key, mine);
  // One that is away is not compared, and is told of elsewhere.
  compare(mine, tell).catch(() => undefined);
  return mine;
}

/** Asked first: a statement that is refused would count as an outage. */
const MAY_ASK = `SELECT has_function_privilege('pg_control_system()', 'EXECUTE') AS may`;
const IDENTITY = `SELECT system_identifier::text || ' ' || (SELECT oid FROM pg_database WHERE datname = current_database())
    AS identity FROM pg_control_system()`;

async function compare(mine: Shared, tell: Log): Promise<void> {
  await mine.database.migrated;
  const [asked] = await mine.database.query<{ may: boolean }>(MAY_ASK);
  if (asked?.may !== true) return;
  const [row] = await mine.database.query<{ identity: string }>(IDENTITY);
  mine.identity = row?.identity;
  const others = [...shared.values()].filter(
    other => other !== mine && other.identity === mine.identity && other.identity !== undefined,
  );
  if (others.length === 0 || mine.users.size === 0) return;
  const all = [mine, ...others];
  const most = all.reduce((sum, { database }) => sum + (database.pool.options.max ?? 0), 0);
  const days = all.flatMap(({ options: { keepRawDays } }) => keepRawDays ?? []);
  const raw =
    days.length === 0 ? '' : `, and raw messages are kept for ${Math.min(...days)} days, the shortest of theirs`;
  tell(
    'warn',
    `${all.length} database nodes name this database by other addresses or settings: each has connections of its own, up to ${most} together${raw}; give them the same, or use one`,
  );
}

/** The same text for the same address, however it is spelled. A name is not looked up: behind another there may be another server tomorrow. */
function keyOf(options: DatabaseOptions): string {
  const { url, ...settings } = options;
  const entries = Object.entries(settings)
    .filter(([, value]) => value !== undefined && value !== '')
    .sort();
  return JSON.stringify([spelling(url), entries]);
}

function spelling(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^postgres(ql)?:$/.test(url.protocol)) return text;
  url.searchParams.sort();
  // The host of an address that is not of the web is not made lower case by itself.
  const host = url.hostname.toLowerCase();
  return JSON.stringify([host, url.port || '5432', url.username, url.password, url.pathname, url.search]);
}
