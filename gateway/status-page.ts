// The status page: what works and what does not, for people; answered by the front itself, so also while the database is away.
import type { Health } from './health.ts';
import { shown } from './login-page.ts';

/** `parts` name devices and hosts: they are left out for those who are not logged in. */
export function statusPage({ status, parts }: Health, withParts: boolean): string {
  const rows = withParts
    ? parts.map(({ part, ready, detail, required }) => {
        const state = ready ? 'works' : required ? 'does not work' : 'not there';
        return `<tr class="${ready ? 'good' : required ? 'bad' : ''}"><th>${shown(part)}</th><td>${state}</td><td>${shown(detail)}</td></tr>`;
      })
    : [];
  const says =
    status === 'ready' ? 'Everything works.' : 'Not everything works. What is measured is kept until it does.';
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="10">
<title>Fieldline: ${status}</title>
<style>
  :root { color-scheme: light dark; font: 16px system-ui, sans-serif }
  body { max-width: 50rem; margin: 3rem auto; padding: 0 1rem }
  table { border-collapse: collapse; width: 100% }
  th, td { text-align: left; padding: .4rem .8rem .4rem 0; border-top: 1px solid #8884; vertical-align: top }
  .bad td:nth-child(2) { color: #c33; font-weight: bold }
  .good td:nth-child(2) { color: #282 }
</style>
<h1>Fieldline</h1>
<p role="status">${says}</p>
${rows.length === 0 ? '' : `<table>\n${rows.join('\n')}\n</table>`}
</html>
`;
}
