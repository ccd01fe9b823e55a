// Which database is meant: the address that was typed, else that of the gateway, else that of the environment.
import { Fault } from '../kernel/fault.ts';

/** `offered`: what the gateway says of its own database. Throws a Fault FIELDLINE_SETTING where there is none. */
export function databaseAddress(typed: string, offered: unknown): string {
  const url = typed || (typeof offered === 'string' ? offered : '') || process.env['DATABASE_URL'];
  if (url === undefined || url === '')
    throw new Fault(
      'FIELDLINE_SETTING',
      'Address: expected an address, or DATABASE_URL in the environment, got neither',
    );
  return url;
}
