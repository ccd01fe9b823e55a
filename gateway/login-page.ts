// The login page, one form without scripts: it stands in for whatever page was asked for.

/** As text of a page or of an attribute. */
export function shown(text: string): string {
  return text.replace(/[&<>"']/g, sign => `&#${sign.charCodeAt(0)};`);
}

/** `next` is the path to go to after the login; `complaint` says why the last try failed. */
export function loginPage(next: string, complaint: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Fieldline: log in</title>
<style>
  :root { color-scheme: light dark; font: 16px system-ui, sans-serif }
  body { display: grid; place-items: center; min-height: 100vh; margin: 0 }
  form { display: grid; gap: 1rem; width: 18rem }
  label { display: grid; gap: .3rem }
  input, button { font: inherit; padding: .5rem }
  [role=alert] { color: #c33; margin: 0 }
</style>
<form method="post" action="/login">
  <h1>Fieldline</h1>
  ${complaint === '' ? '' : `<p role="alert">${shown(complaint)}</p>`}
  <label>User <input name="username" value="admin" autocomplete="username" required></label>
  <label>Password <input name="password" type="password" autocomplete="current-password" required autofocus></label>
  <input type="hidden" name="next" value="${shown(next)}">
  <button>Log in</button>
</form>
</html>
`;
}
