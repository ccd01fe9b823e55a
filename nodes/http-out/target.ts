// Where http-out posts, and with which key: another server, or this gateway itself.
import { expected, Fault } from '../../src/kernel/fault.ts';

/** What it needs of a host, or of a dialog. */
type Known = { secret(field: 'key'): string; services: Readonly<Record<string, unknown>> };
type Target = { url: string; headers: Readonly<Record<string, string>> };
/** As the gateway hands it to its nodes; its key goes to no other address. */
type OwnIngest = { url: string; key: { text: string } };

/** Throws a Fault FIELDLINE_SETTING for a path alone where no gateway is around. */
export function targetOf({ url, auth }: { url: string; auth: string }, host: Known): Target {
  const key = host.secret('key');
  const headers: Record<string, string> =
    auth === 'bearer' ? { authorization: `Bearer ${key}` } : auth === 'key' ? { 'x-api-key': key } : {};
  if (!url.startsWith('/')) return { url, headers };
  const own = host.services['ownIngest'] as OwnIngest | undefined;
  if (own === undefined)
    throw new Fault('FIELDLINE_SETTING', expected('Address', 'a whole address (a path alone is for the gateway)', url));
  return { url: own.url + url, headers: auth === 'none' ? { 'x-api-key': own.key.text } : headers };
}
