// The editor and the dashboard in a real browser, as an operator meets them on the first start.
import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import type { Gateway } from '../../bench/gateway.ts';
import { until } from '../support/until.ts';
import { onEditor } from './editor.ts';

describe('browser', () => {
  const editor = onEditor({ env: { FIELDLINE_DEMO: 'on' } });
  let gateway: Gateway;
  let page: Page;
  before(() => {
    ({ gateway, page } = editor);
  });

  it('opens the editor with the shipped flow, every node valid and nothing in the way', async () => {
    assert.equal((await page.locator('.red-ui-flow-node').count()) > 10, true);
    assert.equal(
      await page.locator('.red-ui-flow-node-error-shown, .red-ui-flow-node-error:not(.hide):visible').count(),
      0,
      'an invalid node',
    );
    assert.equal(await page.locator('.red-ui-notification:visible, .red-ui-tourGuide-popover:visible').count(), 0);
    const invalid = await page.evaluate(
      '(() => { const bad = []; RED.nodes.eachNode(n => { if (n.valid === false) bad.push(n.type); }); RED.nodes.eachConfig(n => { if (n.valid === false) bad.push(n.type); }); return bad; })()',
    );
    assert.deepEqual(invalid, []);
  });

  it('lists the palette in one category, each node with help', async () => {
    const types = (await page.evaluate(
      '[...document.querySelectorAll("#red-ui-palette-Fieldline .red-ui-palette-node")].map(n => n.dataset.paletteType)',
    )) as string[];
    assert.ok(types.includes('fieldline-mqtt-ingest') && types.includes('fieldline-timescale-out'), types.join(', '));
    for (const type of types) {
      const help = (await page.evaluate(`RED.nodes.getNodeHelp(${JSON.stringify(type)})`)) as string;
      assert.match(help, /<h\d|<table|<p/, type);
      assert.doesNotMatch(help, /<h1/, `${type}: a title below that of the editor`);
    }
  });

  it('gives a node that is dragged onto the canvas the database that is there, and says in words when it has none', async () => {
    const entry = page.locator('#red-ui-palette-Fieldline [data-palette-type="fieldline-raw-archive"]');
    await entry.dragTo(page.locator('#red-ui-workspace-chart'), { targetPosition: { x: 400, y: 620 } });
    const dragged = 'RED.nodes.filterNodes({ type: "fieldline-raw-archive" }).find(it => it.changed)';
    await page.waitForFunction(dragged);
    assert.deepEqual(await page.evaluate(`[${dragged}.store, ${dragged}.valid]`), ['fl-db', true]);
    assert.equal(await page.evaluate(`RED.nodes.node("fl-db").users.includes(${dragged})`), true);
    await editor.edit((await page.evaluate(`${dragged}.id`)) as string);
    const database = page.locator('#node-input-store');
    const reason = page.locator('[data-fl-for="node-input-store"]');
    assert.equal(await reason.textContent(), '');
    await database.selectOption({ label: 'none' });
    assert.equal(await reason.textContent(), 'Database: expected a value, got nothing');
    await editor.leave();
    await page.evaluate('RED.actions.invoke("core:undo")');
    assert.equal(await page.evaluate(dragged), undefined);
  });

  it('says in the dialog what is wrong with a value, in words, before a deploy', async () => {
    await editor.edit('fl-dedup');
    const field = page.locator('#node-input-windowSeconds');
    await field.fill('soon');
    const reason = page.locator('[data-fl-for="node-input-windowSeconds"]');
    assert.match((await reason.textContent()) ?? '', /expected a number/);
    await field.fill('30');
    assert.equal(await reason.textContent(), '');
    await editor.leave();
  });

  it('says what an empty setting means, and asks for no more than it needs', async () => {
    await editor.edit('fl-mqtt');
    const broker = page.locator('#node-input-broker option:checked');
    await broker.filter({ hasText: 'the broker of this gateway' }).waitFor({ state: 'attached' });
    assert.equal(await page.locator('#node-input-source').getAttribute('placeholder'), 'the name of the node');
    await editor.leave();
    await editor.edit('fl-dedup');
    const key = page.locator('[data-fl-for="node-input-key"]').locator('..');
    await key.waitFor({ state: 'hidden' });
    await page.locator('#node-input-by').selectOption('key');
    await key.waitFor({ state: 'visible' });
    await editor.leave();
  });

  it('edits a list of rows, checks each, and saves it', async () => {
    await editor.edit('fl-norm');
    const rows = page.locator('#node-input-table-rows');
    const list = page.locator('.red-ui-editableList-container', { has: rows });
    await list.locator('li').first().waitFor();
    assert.equal(await list.evaluate(it => it.scrollTop), 0, 'it is read from its beginning');
    const before = await rows.locator('li').count();
    assert.ok(before >= 3);
    await page.locator('.red-ui-editableList-addButton').first().click();
    assert.equal(await rows.locator('li').count(), before + 1);
    await page.locator('#node-dialog-ok').click();
    await rows.waitFor({ state: 'detached' });
    assert.equal(await page.evaluate('RED.nodes.node("fl-norm").table.length'), before + 1);
  });

  it('deploys with a click, and the flow goes on', async () => {
    await page.locator('#red-ui-header-button-deploy').click();
    await page.locator('.red-ui-notification-success, .red-ui-notification').first().waitFor();
    const rows = async () => (await gateway.flows()).find(({ id }) => id === 'fl-norm')?.['table'] as unknown[];
    await until(async () => (await rows()).length > 3, rows);
  });

  it('shows the dashboard with devices, their values and a chart within seconds', async () => {
    await page.goto(`${gateway.url}/dashboard`);
    await page.getByText('Devices').first().waitFor();
    await page.locator('tbody tr', { hasText: 'online' }).nth(5).waitFor();
    await page
      .locator('tbody tr', { hasText: /°C|mm|kW/ })
      .first()
      .waitFor();
    const cells = await page.locator('tbody tr').allTextContents();
    for (const text of cells) assert.doesNotMatch(text, /NaN|undefined|null|\d\.\d{6}/);
    // Charts.
    await page.locator('canvas').nth(2).waitFor();
  });

  it('shows live rows on the page that needs no library', async () => {
    await page.goto(`${gateway.url}/fieldline/live.html`);
    await page.waitForFunction('document.querySelector("[role=status]").textContent === "open"');
    await page.fill('[name=channel]', 'device-status');
    await page.click('button');
    await page.waitForFunction('document.querySelectorAll("tbody tr").length > 1');
    await page.fill('[name=filter]', 'nope=eq.1');
    await page.click('button');
    await page.waitForFunction('document.querySelector("[role=status]").textContent.includes("nope does not exist")');
  });

  it('had no script error on the way', () => assert.deepEqual(editor.faults, []));
});
