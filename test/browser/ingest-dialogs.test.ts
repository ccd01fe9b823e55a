// Dialogs of normalize and http-ingest in a real browser: what a message becomes, with tables and expressions that are not deployed.
import assert from 'node:assert/strict';
import path from 'node:path';
import mqtt from 'mqtt';
import { until } from '../support/until.ts';
import { onEditor } from './editor.ts';

const shots = process.env['FIELDLINE_SHOTS'];

describe('browser: try a message', () => {
  const editor = onEditor();

  const open = (id: string) => editor.page.evaluate(`RED.editor.edit(RED.nodes.node(${JSON.stringify(id)}))`);
  const cancel = async (field: string): Promise<void> => {
    await editor.page.locator('#node-dialog-cancel').click();
    await editor.page.locator(field).waitFor({ state: 'detached' });
  };
  /** Waits until the output says so. */
  const says = (id: string, text: RegExp) => editor.page.locator(id, { hasText: text }).waitFor();

  it('http-ingest tells what a body would be taken for, and every fault of another', async () => {
    const { page } = editor;
    await open('fl-http');
    await page.locator('#fl-hin-go').click();
    await says('#fl-hin-says', /1 taken/);
    assert.match(
      (await page.locator('#fl-hin-shown').textContent()) ?? '',
      /"table": "flow_data"[\s\S]*"flow_rate": 12\.5/,
    );
    if (shots) await page.screenshot({ path: path.join(shots, 'ingest-1.png') });
    await page.locator('#node-input-maxItems').fill('1');
    await page.locator('#fl-hin-text').fill('[{"flow_rate": "x"}, {}]');
    await page.locator('#fl-hin-go').click();
    await says('#fl-hin-says', /at most 1 readings/);
    await page.locator('#node-input-maxItems').fill('10');
    await page.locator('#fl-hin-go').click();
    await says('#fl-hin-says', /2 of 2 wrong/);
    assert.match((await page.locator('#fl-hin-shown').textContent()) ?? '', /"field": "flow_rate"/);
    await cancel('#fl-hin-go');
  });

  it('normalize tells what its tables make of a message, as it is typed', async () => {
    const { page } = editor;
    await open('fl-norm');
    await page.locator('#fl-nrm-topic').fill('homelab/temperature/kitchen');
    await page.locator('#fl-nrm-text').fill('21.5');
    await says('#fl-nrm-says', /^1 reading$/);
    assert.match(
      (await page.locator('#fl-nrm-shown').textContent()) ?? '',
      /"deviceId": "kitchen"[\s\S]*"temperature": 21\.5/,
    );
    await page.locator('#fl-nrm-text').fill('warm');
    await says('#fl-nrm-says', /expected JSON/);
    const first = page.locator('#node-input-table-rows [data-fl-column="filter"]').first();
    await first.fill('homelab/{kind}/{device}');
    await page.locator('#node-input-table-rows [data-fl-column="format"]').first().selectOption('expression');
    await page.locator('#node-input-table-rows [data-fl-column="device"]').first().fill('{device}');
    await page.locator('#node-input-expression').fill('{ "temperature": payload = "warm" ? 25 : 15 }');
    await says('#fl-nrm-shown', /"temperature": 25/);
    if (shots) await page.screenshot({ path: path.join(shots, 'normalize-1.png') });
    await page.locator('#node-input-expression').fill('{ "temperature": ');
    await says('#fl-nrm-says', /Expression: expected JSONata/);
    await first.fill('a/#/b');
    await page.locator('#fl-nrm-go').click();
    await says('#fl-nrm-says', /Expression|topic table, row 1/);
    await cancel('#fl-nrm-go');
  });

  it('normalize opens with the last real message, and what is made of it', async () => {
    const { page, gateway } = editor;
    const client = mqtt.connect(gateway.mqtt);
    const meter = { timestamp: '2026-01-03T16:00:00Z', total_energy_kwh: 12.45, power_kw: 3.2 };
    await client.publishAsync('homelab/energy/meter1', JSON.stringify(meter), { qos: 1 });
    await client.endAsync();
    await page.locator('.red-ui-flow-node-status-label', { hasText: /^1 reading, 0 rejected/ }).waitFor();
    await open('fl-norm');
    await says('#fl-nrm-says', /^1 reading$/);
    assert.deepEqual(
      [await page.locator('#fl-nrm-topic').inputValue(), JSON.parse(await page.locator('#fl-nrm-text').inputValue())],
      ['homelab/energy/meter1', meter],
    );
    assert.match((await page.locator('#fl-nrm-shown').textContent()) ?? '', /"power_kw": 3\.2/);
    if (shots) await page.locator('#fl-nrm-shown').scrollIntoViewIfNeeded();
    if (shots) await page.screenshot({ path: path.join(shots, 'normalize-last.png') });
    await cancel('#fl-nrm-go');
    assert.deepEqual(editor.faults, []);
  });

  it('http-out posts to this gateway and mqtt-out publishes, once and now', async () => {
    const { page, gateway } = editor;
    const at = { z: 'try-out', x: 100, y: 100, wires: [] };
    await gateway.deploy('full', flows => [
      ...flows,
      { id: 'try-out', type: 'tab', label: 'Outputs' },
      { ...at, id: 'try-http', type: 'fieldline-http-out', url: '/api/ingest' },
      { ...at, id: 'try-mqtt', type: 'fieldline-mqtt-out', topic: '' },
    ]);
    // The answer to a deploy comes before its nodes are there.
    await until(async () => (await gateway.health()).status === 200);
    await page.reload();
    await page.waitForSelector('.red-ui-flow-node');
    await open('try-http');
    await page.locator('#fl-hout-go').click();
    await says('#fl-hout-says', /^taken by http:\/\/127\.0\.0\.1:\d+\/api\/ingest in \d+ ms$/);
    await page.locator('#fl-hout-text').fill('{"device_id": "test"}');
    await page.locator('#fl-hout-go').click();
    await says('#fl-hout-says', /^refused: HTTP 400: .*at least one measurement/);
    if (shots) await page.screenshot({ path: path.join(shots, 'http-out.png') });
    await cancel('#fl-hout-go');
    await open('try-mqtt');
    await page.locator('#fl-mout-go').click();
    await says('#fl-mout-says', /^acknowledged on fieldline\/test in \d+ ms$/);
    if (shots) await page.screenshot({ path: path.join(shots, 'mqtt-out.png') });
    await page.locator('#fl-mout-topic').fill('a/#');
    await page.locator('#fl-mout-go').click();
    await says('#fl-mout-says', /^refused: topic/);
    await cancel('#fl-mout-go');
    assert.deepEqual(editor.faults, []);
  });
});
