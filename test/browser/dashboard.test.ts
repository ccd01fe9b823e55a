// The pages of the dashboard as an operator has them: on a phone, with names as strangers give them, while the database is away.
import assert from 'node:assert/strict';
import { until } from '../support/until.ts';
import { onEditor } from './editor.ts';

const PAGES = ['field', 'care', 'anomalies'];
const LONG = 'L'.repeat(200);
const HOSTILE = '<img src=/evil onerror="document.title=1"><b>x</b>';
const AT = "'2026-01-05T00:00:00Z'::timestamptz + n * interval '1 min'";

describe('browser: the pages of the dashboard', () => {
  const editor = onEditor();
  const refused: string[] = [];
  before(async () => {
    const { page, store } = editor;
    for (const id of [LONG, HOSTILE])
      await store.query(
        `INSERT INTO sensor_readings (timestamp, device_id, metric, value, anomaly_score)
         SELECT ${AT}, $1, 'temperature_2', n % 7, CASE WHEN n = 60 THEN -0.5 ELSE 1 END FROM generate_series(1, 60) n`,
        [id],
      );
    await store.query(
      `INSERT INTO latest_values (device_id, metric, value, timestamp) VALUES ($1, 'temperature_2', 4, now())`,
      [HOSTILE],
    );
    await store.query(`INSERT INTO devices (device_id, last_seen) VALUES ($1, now()), ($2, now())`, [LONG, HOSTILE]);
    page.on('console', message => {
      if (message.type() === 'error' || message.type() === 'warning') refused.push(message.text());
    });
    page.on('response', response => {
      if (response.status() >= 400) refused.push(`${response.status()} ${response.url()}`);
    });
  });
  const open = async (name: string) => {
    await editor.page.goto(`${editor.gateway.url}/dashboard/${name}`);
    await editor.page.locator('.nrdb-table').first().waitFor();
  };
  /** The tables of which a column is out of sight. */
  const cut = () =>
    editor.page.evaluate<string[]>(`[...document.querySelectorAll('.nrdb-table .v-table__wrapper')]
      .filter(table => table.scrollWidth > table.clientWidth + 1).map(table => table.textContent.slice(0, 60))`);

  const sizes: [width: number, height: number][] = [
    [1280, 800],
    [390, 844],
  ];
  for (const [width, height] of sizes)
    for (const name of PAGES)
      it(`shows every column of ${name} at ${width} × ${height}, whatever a device is called`, async () => {
        await editor.page.setViewportSize({ width, height });
        await open(name);
        if (name === 'field') {
          await editor.page.getByText(LONG).first().waitFor();
          await editor.page.getByText(HOSTILE).first().waitFor();
        }
        // What comes later may need a place of its own.
        await until(async () => (await cut()).length === 0, cut);
      });

  it('shows on a phone all figures of the ledger, of however many sources, without scrolling in the card', async () => {
    const { page } = editor;
    await page.setViewportSize({ width: 390, height: 844 });
    await open('field');
    const card = page.locator('#nrdb-ui-widget-fl-t-ledger');
    await card.getByText('http-ingest').waitFor();
    // Sources that are not there: measured before the next figures come.
    const [table, inside, below, high] = await page.evaluate<number[]>(`(card => {
      const lines = card.querySelector('tbody');
      const more = [...lines.children, ...lines.children, ...lines.children].map(line => line.cloneNode(true));
      lines.append(...more);
      const table = card.querySelector('.v-table__wrapper');
      const figures = [...card.querySelectorAll('td > div')].map(cell => cell.getBoundingClientRect());
      const last = Math.max(...figures.map(({ bottom }) => bottom));
      const found = [table.scrollHeight - table.clientHeight, table.scrollWidth - table.clientWidth,
        last - card.closest('.v-card').getBoundingClientRect().bottom, last - figures[0].top];
      for (const line of more) line.remove();
      return found;
    })(document.querySelector('#nrdb-ui-widget-fl-t-ledger'))`);
    assert.ok(table! <= 1 && inside! <= 1 && below! <= 0, `${table}, ${inside} and ${below} px are out of sight`);
    const sources = 4 * (await card.locator('tbody tr').count());
    assert.ok(high! < 200 * sources, `${high} px for ${sources} sources`);
  });

  for (const width of [1024, 1280])
    it(`gives the reason of an anomaly room to be read at ${width}`, async () => {
      const { page, store } = editor;
      const why =
        'temperature_2 is 43.0 °C, far above what is usual: about 11.8 °C was expected, 4.5 to 20.4 °C would have passed.';
      const anomaly = { metric: 'temperature_2', kind: 'spike', severity: 'warning', score: -0.5, why };
      await store.query(
        `INSERT INTO sensor_readings (timestamp, device_id, metric, value, anomaly_score, metadata) VALUES (now(), 'roomy-${width}', 'temperature_2', 43, -0.5, $1)`,
        [JSON.stringify({ anomaly })],
      );
      await page.setViewportSize({ width, height: 800 });
      await open('anomalies');
      const row = page.locator('#nrdb-ui-widget-fl-an-table tbody tr', { hasText: `roomy-${width}` });
      await row.waitFor();
      const high = (await row.boundingBox())?.height ?? 0;
      assert.ok(high < 130, `${high} px`);
      await until(async () => (await cut()).length === 0, cut);
    });

  it('shows on a phone a whole anomaly at once, its reason across the screen, and buttons that lie apart', async () => {
    const { page } = editor;
    await page.setViewportSize({ width: 390, height: 844 });
    await open('anomalies');
    const row = page.locator('#nrdb-ui-widget-fl-an-table tbody tr', { hasText: 'roomy-1280' });
    await row.waitFor();
    const inside = (await page.locator('#nrdb-ui-widget-fl-an-table .v-table__wrapper').boundingBox())?.height ?? 0;
    const high = (await row.boundingBox())?.height ?? 0;
    assert.ok(high < inside, `${high} px in ${inside}`);
    const reason = await row.locator('td[data-column-key=why] > :last-child').boundingBox();
    assert.ok((reason?.width ?? 0) > 250, `${reason?.width} px`);
    const [normal, undo] = [row.getByRole('button').nth(0), row.getByRole('button').nth(1)];
    const [above, below] = [await normal.boundingBox(), await undo.boundingBox()];
    assert.ok(above!.y + above!.height <= below!.y, JSON.stringify([above, below]));
  });

  it('shows the name and the unit of a series as text', async () => {
    const { page } = editor;
    await page.setViewportSize({ width: 1280, height: 800 });
    await open('anomalies');
    const shown = page.locator('#nrdb-ui-widget-fl-an-name');
    await page.locator('#nrdb-ui-widget-fl-an-choose input').fill('<img');
    await page.getByRole('option', { name: HOSTILE }).click();
    await shown.getByText(`${HOSTILE}, temperature_2`, { exact: true }).waitFor();
    await shown.getByText('in °C').waitFor();
  });

  it('tells on every page since when the database does not answer, until it does', async () => {
    const { page, store } = editor;
    const told = page.getByRole('alert').getByText(/No answer since .*: .*devices/);
    await store.query('ALTER TABLE devices RENAME TO lent');
    await told.waitFor();
    await open('field');
    await told.waitFor();
    await store.query('ALTER TABLE lent RENAME TO devices');
    await told.waitFor({ state: 'detached' });
  });

  it('can be used without eyes: a name for every control, and a voice for every answer', async () => {
    const { page } = editor;
    for (const name of PAGES) {
      await open(name);
      await page.getByRole('button', { name: 'Pages' }).waitFor();
    }
    await open('care');
    await page.getByRole('status').nth(2).waitFor({ state: 'attached' });
  });

  it('had no script error on the way, and nothing that a browser complains of', () => {
    assert.deepEqual(editor.faults, []);
    assert.deepEqual(refused, []);
  });
});
