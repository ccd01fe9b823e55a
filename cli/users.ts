// fieldline users: prints access tokens for applications that read the API and the live channels of a gateway.
import path from 'node:path';
import { type Environment, readEnvironment, rootFolder } from '../gateway/environment.ts';
import { readPrivate } from '../gateway/private-file.ts';
import { Fault } from '../src/kernel/fault.ts';
import { type Role, roles, signToken } from '../src/kernel/token.ts';
import { subcommand, wrongUse as wrong } from './subcommand.ts';

const USAGE = `Usage: fieldline users token --org ID --role viewer|operator|admin [--sub NAME] [--hours N]

  Prints a token of the gateway whose data directory this is (FIELDLINE_DIR), or of FIELDLINE_SECRET where that is set.
  Its bearer sees the rows of the organisation only. Whoever can read the secret can make one.

  --sub NAME   who it is for; "cli" unless said otherwise
  --hours N    how long it is valid, 1 unless said otherwise, at most 8760`;

const options = {
  org: { type: 'string' },
  role: { type: 'string' },
  sub: { type: 'string' },
  hours: { type: 'string' },
} as const;

const MOST_HOURS = 8760;

/** Exit code: 0 done, 1 failed, 2 wrong use. */
export const run = subcommand(
  { name: 'users', text: USAGE, options, arguments: true },
  async ({ values, positionals }, io) => {
    if (positionals.length !== 1 || positionals[0] !== 'token')
      throw wrong('argument', 'token', positionals.join(' ') || undefined);
    const { org = '', sub = 'cli', hours: given = '1' } = values;
    for (const [option, text] of Object.entries({ '--org': org, '--sub': sub }))
      if (text.trim() === '' || text.length > 200 || text.includes('\0'))
        throw wrong(option, 'a name of at most 200 characters', text);
    const hours = given.trim() === '' ? Number.NaN : Number(given);
    if (!(hours > 0 && hours <= MOST_HOURS)) throw wrong('--hours', `a number above 0, at most ${MOST_HOURS}`, given);
    const exp = Math.floor(Date.now() / 1000 + hours * 3600);
    const environment = readEnvironment(io.env, rootFolder());
    const claims = { sub, org_id: org, role: roleOf(values.role), exp, ...environment.tokens };
    io.stdout(signToken(claims, secretIn(environment)));
    return 0;
  },
);

function roleOf(given: string | undefined): Role {
  const role = roles.find(one => one === given);
  if (role === undefined) throw wrong('--role', roles.join(', '), given ?? 'none');
  return role;
}

/** None is made here: a token of a secret that no gateway has opens nothing. */
function secretIn({ secret, directory }: Environment): string {
  const known = secret ?? readPrivate(path.join(directory, 'secret'))?.trim();
  if (known) return known;
  throw new Fault('FIELDLINE_SETTING', `secret: expected FIELDLINE_SECRET, or a gateway that has run in ${directory}`);
}
