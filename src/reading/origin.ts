// Origins: pages of which sites may ask this server. Browsers name the page's origin; whoever names none is no page of another site.
import type { IncomingMessage } from 'node:http';

/** `origins`: those of other sites, e.g. `https://scada.example`; `*` for any. The server's own is always allowed. */
export function isAllowedPage({ headers }: IncomingMessage, origins: readonly string[]): boolean {
  const { origin, host } = headers;
  if (origin === undefined || origins.includes('*') || origins.includes(origin)) return true;
  return URL.canParse(origin) && host !== undefined && new URL(origin).host === host.toLowerCase();
}

/** Lets the page that asked read the answer, where it may. Cookies of another site's page are not let in. */
export function pageHeaders(request: IncomingMessage, origins: readonly string[]): Record<string, string> {
  const { origin } = request.headers;
  if (origin === undefined || !isAllowedPage(request, origins)) return {};
  return { 'access-control-allow-origin': origin, vary: 'origin' };
}
