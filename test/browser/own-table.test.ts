// The dialog of timescale-out in a real browser: a table of the operator's own picked, filled, previewed, saved and written to.
import assert from 'node:assert/strict';
import path from 'node:path';
import type { Store } from '../../src/store/store.ts';
import { onEditor } from './editor.ts';

describe('browser: a table of your own', () => {
  const editor = onEditor();
  let store: Store;
  before(async () => {
    ({ store } = editor);
    await store.query('CREATE SCHEMA plant');
    await store.query(`CREATE TABLE plant.energy (meter_id text NOT NULL, time timestamptz NOT NULL, power_kw numeric(6,2),
      voltage int, note text, PRIMARY KEY (meter_id, time))`);
    await store.query(
      `DO $$ BEGIN FOR n IN 1..250 LOOP EXECUTE format('CREATE TABLE plant.meter_%s (v int)', n); END LOOP; END $$`,
    );
  });

  it('offers the tables of the live database for a node that was never deployed', async () => {
    const { page } = editor;
    await page.evaluate(`(() => {
      let store; RED.nodes.eachConfig(n => { if (n.type === 'fieldline-timescale-db') store = n.id; });
      RED.view.importNodes([{ id: 'own1', type: 'fieldline-timescale-out', z: RED.workspaces.active(), x: 400, y: 900, store, table: 'auto', wires: [[], []] },
        { id: 'own2', type: 'inject', z: RED.workspaces.active(), x: 200, y: 900, once: true, onceDelay: 0.1, repeat: '', crontab: '', topic: '',
          props: [{ p: 'payload' }], payloadType: 'json', payload: JSON.stringify({ deviceId: 'm', protocol: 'mqtt',
          timestamp: '2026-01-03T16:00:00.000Z', telemetry: { power_kw: 3.2 }, metadata: {} }), wires: [['own1']] }], { addFlow: false, touchImport: true, generateIds: false });
    })()`);
    await editor.edit('own1');
    await page.locator('#node-input-table').waitFor({ state: 'visible' });
    assert.equal(await page.locator('#node-input-ownTable').isVisible(), false);
    await page.locator('#node-input-table').selectOption('own');
    const table = page.locator('#node-input-ownTable');
    await table.click();
    await table.pressSequentially('plant');
    const offered = page.locator('.red-ui-autoComplete-container');
    await offered.getByText('51 more: type a part of the name').waitFor();
    await offered.getByText('plant.energy').click();
    assert.equal(await table.inputValue(), 'plant.energy');
  });

  it('fills the columns with guesses, and shows the row with the reason where a value does not fit', async () => {
    const { page } = editor;
    const rows = page.locator('#node-input-columns-rows li');
    await rows.nth(4).waitFor();
    // Asked for twice at one moment, each column comes once.
    await page.evaluate(`$('#node-input-columns-rows').editableList('empty'); $('#fl-own-fill').click().click()`);
    await rows.nth(4).waitFor();
    const filled = await rows.evaluateAll(items =>
      items.map(item => [...item.querySelectorAll('input')].map(it => it.value)),
    );
    assert.deepEqual(filled, [
      ['meter_id', 'deviceId'],
      ['time', 'timestamp'],
      ['power_kw', 'telemetry.power_kw'],
      ['voltage', 'telemetry.voltage'],
      ['note', ''],
    ]);
    assert.equal(await page.locator('#node-input-key').inputValue(), 'meter_id, time');
    const shown = page.locator('#fl-own-row tbody tr');
    await shown.nth(3).waitFor();
    assert.match((await shown.nth(3).textContent()) ?? '', /voltage.*integer.*expected a whole number, got "230\.1"/);
    assert.match((await page.locator('#fl-own-says').textContent()) ?? '', /1 of 4 values do not fit/);
    if (process.env['FIELDLINE_SHOTS'])
      await page.screenshot({ path: path.join(process.env['FIELDLINE_SHOTS'], 'own-1.png') });
    await rows.nth(3).locator('input').nth(1).fill('=230');
    await page.locator('#fl-own-says', { hasText: 'Every value fits.' }).waitFor();
    await rows.nth(4).locator('input').nth(1).fill('=hall 7');
    await page.locator('#fl-own-row tbody', { hasText: 'hall 7' }).waitFor();
    if (process.env['FIELDLINE_SHOTS'])
      await page.screenshot({ path: path.join(process.env['FIELDLINE_SHOTS'], 'own-2.png') });
  });

  it('names what the table cannot do, in words', async () => {
    const { page } = editor;
    await page.locator('#node-input-key').fill('meter_id');
    await page.locator('#fl-own-faults', { hasText: 'expected (meter_id, time)' }).waitFor();
    await page.locator('#node-input-key').fill('meter_id, time');
    await page.locator('#fl-own-says', { hasText: 'Every value fits.' }).waitFor();
  });

  it('takes up what has changed in the database while it is open', async () => {
    const { page } = editor;
    await store.query('CREATE TABLE plant."Made later" (v int); ALTER TABLE plant.energy ADD site text');
    await page.locator('#fl-own-fill').click();
    const rows = page.locator('#node-input-columns-rows li');
    await rows.nth(5).waitFor();
    assert.equal(await rows.nth(5).locator('input').first().inputValue(), 'site');
    const table = page.locator('#node-input-ownTable');
    await table.fill('');
    await table.pressSequentially('later');
    const offered = page.locator('.red-ui-autoComplete-container');
    await offered.getByText('plant.Made later').waitFor();
    await table.fill('');
    await table.pressSequentially('energy');
    await offered.getByText('plant.energy').click();
    await page.locator('#fl-own-says', { hasText: 'Every value fits.' }).waitFor();
  });

  it('saves, deploys and writes', async () => {
    const { page } = editor;
    await page.locator('#node-dialog-ok').click();
    await page.locator('#node-input-table').waitFor({ state: 'detached' });
    assert.equal(await page.evaluate('RED.nodes.node("own1").valid'), true);
    await page.locator('#red-ui-header-button-deploy').click();
    for (;;) {
      const held = await store.query('SELECT meter_id, power_kw, voltage, note FROM plant.energy');
      if (held.length === 0) continue;
      assert.deepEqual(held, [{ meter_id: 'm', power_kw: '3.20', voltage: 230, note: 'hall 7' }]);
      break;
    }
    await page.evaluate('RED.editor.edit(RED.nodes.node("own1"))');
    await page.locator('#fl-now', { hasText: 'rows/s' }).waitFor();
    await page.locator('#fl-own-row caption', { hasText: 'the last message' }).waitFor();
    if (process.env['FIELDLINE_SHOTS'])
      await page.screenshot({ path: path.join(process.env['FIELDLINE_SHOTS'], 'own-3.png') });
    await editor.leave();
  });

  it('fills in the key of a table whose columns have names that need quotes', async () => {
    const { page } = editor;
    await store.query('CREATE TABLE plant.odd (device_id text, "power, kW" numeric, UNIQUE (device_id, "power, kW"))');
    await editor.edit('own1');
    const table = page.locator('#node-input-ownTable');
    await page.evaluate(`$('#node-input-columns-rows').editableList('empty'); $('#node-input-key').val('')`);
    await table.fill('plant.odd');
    await page.locator('#fl-own-fill').click();
    await page.locator('#fl-own-says', { hasText: 'Every value fits.' }).waitFor();
    assert.equal(await page.locator('#node-input-key').inputValue(), 'device_id, "power, kW"');
    await editor.leave();
  });

  it('takes what is answered while the dialog of its database lies above it', async () => {
    const { page } = editor;
    let answer = (): void => {};
    const held = new Promise<void>(resolve => (answer = resolve));
    await page.route('**/fieldline/timescale-out/preview', route => held.then(() => route.continue()), { times: 1 });
    await editor.edit('own1');
    await page.locator('#node-input-btn-store-edit').click();
    await page.locator('#node-config-input-url').waitFor();
    await page.locator('#fl-own-row').waitFor({ state: 'detached' });
    const answered = page.waitForResponse('**/fieldline/timescale-out/preview');
    answer();
    await answered;
    await page.locator('#node-config-dialog-cancel').click();
    await page.locator('#fl-own-says', { hasText: 'Every value fits.' }).waitFor();
    await editor.leave();
  });

  it('is at rest once it is closed: by Delete, below the dialog of its database, before an answer has come', async () => {
    const { page } = editor;
    await page.evaluate(`(() => {
      const { setInterval: set, clearInterval: clear } = window;
      window.ticking = new Set();
      window.setInterval = (work, ms) => { const id = set(work, ms); if (ms === 2000) ticking.add(id); return id; };
      window.clearInterval = id => { ticking.delete(id); clear(id); };
    })()`);
    let answer = (): void => {};
    const held = new Promise<void>(resolve => (answer = resolve));
    await page.route('**/fieldline/timescale-out/status', route => held.then(() => route.continue()));
    const ticking = () => page.evaluate('ticking.size');
    await editor.edit('own1');
    await page.locator('#node-input-btn-store-edit').click();
    await page.locator('#node-config-input-url').waitFor();
    assert.equal(await ticking(), 1);
    await page.locator('#node-config-dialog-cancel').click();
    await page.locator('#node-config-input-url').waitFor({ state: 'detached' });
    await editor.leave();
    assert.equal(await ticking(), 0);
    await editor.edit('own1');
    await page.locator('#node-dialog-delete').click();
    await page.locator('#node-input-table').waitFor({ state: 'detached' });
    assert.equal(await ticking(), 0);
    const answered = page.waitForResponse('**/fieldline/timescale-out/status');
    answer();
    await answered;
    await page.evaluate('new Promise(resolve => setTimeout(resolve))');
  });

  it('had no script error on the way', () => assert.deepEqual(editor.faults, []));
});
