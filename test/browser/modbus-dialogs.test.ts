// Dialogs of modbus-poll and modbus-bus in a real browser: the register table with live values, its plan, imports, a trial and a scan.
import assert from 'node:assert/strict';
import path from 'node:path';
import { onEditor } from './editor.ts';

const shots = process.env['FIELDLINE_SHOTS'];

describe('browser: Modbus dialogs', () => {
  const editor = onEditor();

  const says = (id: string, text: RegExp) => editor.page.locator(id, { hasText: text }).waitFor();
  const cells = (key: string) => editor.page.locator(`#fl-mbp-rows [data-fl-key="${key}"]`);

  it('modbus-poll edits its registers as a table, with the place and the live value of each', async () => {
    const { page } = editor;
    // Instruments of the node's own, and not deployed: the dialog asks with what stands in the editor.
    await page.evaluate(`RED.nodes.node('fl-bus').host = 'demo'`);
    await page.evaluate(`RED.editor.edit(RED.nodes.node('fl-poll'))`);
    await page.locator('#fl-mbp-table').click();
    await says('#fl-mbp-rows small', /^0 \/ 40001$/);
    assert.equal(await cells('metric').count(), 4);
    await page.locator('#fl-mbp-read').click();
    await says('#fl-mbp-says', /4 values, 0 absent/);
    const flow = Number(await page.locator('#fl-mbp-rows output').first().textContent());
    assert.ok(flow > 20 && flow < 110, `flow ${flow}`);
    await cells('address').first().fill('70000');
    await says('#fl-mbp-rows small.fieldline-error', /expected a number from 0 to 65535/);
    await cells('address').first().fill('1');
    await cells('order').first().selectOption('CDAB');
    if (shots) await page.screenshot({ path: path.join(shots, 'modbus-poll-1.png') });
  });

  it('says which one looks right, and takes it', async () => {
    const { page } = editor;
    await page.locator('#fl-mbp-rows button', { hasText: '?' }).first().click();
    const right = page.locator('#fl-mbp-candidates button', { hasText: /^ABCD at -1: \d\d\./ });
    await right.waitFor();
    if (shots) await page.screenshot({ path: path.join(shots, 'modbus-poll-2.png') });
    await right.click();
    assert.equal(await cells('address').first().inputValue(), '0');
    assert.equal(await cells('order').first().inputValue(), 'ABCD');
  });

  it('shows the plan before it is deployed', async () => {
    await editor.page.locator('#fl-mbp-plan').click();
    await says('#fl-mbp-says', /every 1000 ms: holding 0-10, 4 values, 4 read along/);
  });

  it('takes registers over from a table and from another program, and reports what it could not', async () => {
    const { page } = editor;
    await page.locator('summary', { hasText: 'Import and export' }).click();
    await page.locator('#fl-mbp-text').fill('extra\t6\tfloat32\nbad\t99999\tint16\n');
    await page.locator('#fl-mbp-take').click();
    await says('#fl-mbp-says', /1 registers taken over/);
    await says('#fl-mbp-report', /line 2: address: expected a number from 0 to 65535/);
    assert.equal(await cells('metric').count(), 5);
    await page.locator('#fl-mbp-export').click();
    await page.waitForFunction(`document.getElementById('fl-mbp-text').value.includes('extra,6,')`);
    await page.locator('#fl-mbp-format').selectOption('telegraf');
    await page
      .locator('#fl-mbp-text')
      .fill('[[inputs.modbus]]\nslave_id = 7\ncoils = [ { name = "pump", address = [3] }, { name = "bad" } ]\n');
    await page.locator('#fl-mbp-take').click();
    await says('#fl-mbp-report', /bad: address: expected 0 to 65535/);
    assert.equal(await page.locator('#node-input-unitId').inputValue(), '7');
    assert.equal(JSON.parse(await page.locator('#node-input-map').inputValue()).registers[0].metric, 'pump');
    await page.locator('#node-dialog-cancel').click();
    await page.locator('#fl-mbp-table').waitFor({ state: 'detached' });
  });

  it('modbus-bus shows the settings of its transport, tries the line and finds its units', async () => {
    const { page } = editor;
    await page.evaluate(`RED.editor.editConfig('', 'fieldline-modbus-bus', 'fl-bus')`);
    await page.locator('#fl-mbb-test').click();
    await says('#fl-mbb-says', /✓ unit 1 answers/);
    const host = page.locator('#node-config-input-host');
    assert.equal(await host.isVisible(), true);
    await page.locator('#fl-mbb-scan').click();
    await says('#fl-mbb-found', /unit 2: /);
    if (shots) await page.screenshot({ path: path.join(shots, 'modbus-bus-1.png') });
    await page.locator('#node-config-input-transport').selectOption('rtu');
    assert.equal(await host.isVisible(), false);
    assert.equal(await page.locator('#node-config-input-serialPort').isVisible(), true);
    await page.locator('#node-config-input-serialPort').fill('/dev/none');
    await page.locator('#fl-mbb-test').click();
    await says('#fl-mbb-says', /✗ .*\/dev\/none/);
    await page.locator('#node-config-dialog-cancel').click();
    await page.locator('#fl-mbb-test').waitFor({ state: 'detached' });
    assert.deepEqual(editor.faults, []);
  });
});
