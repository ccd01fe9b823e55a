// Dialogs of the Bluetooth nodes in a real browser, before any deploy: scan now, services, a measurement, decode now.
import assert from 'node:assert/strict';
import { adStructures } from '../../sim/controller/air.ts';
import { type EmulatedController, emulatedController } from '../../sim/controller/controller.ts';
import { distoMeter, glmMeter } from '../../sim/controller/meters.ts';
import { nobleIsHere, withNoble } from '../radio/noble-here.ts';
import { onEditor } from './editor.ts';

const GLM = '00:13:43:A1:B2:C3';
const DISTO = 'C4:00:00:00:00:0F';
const SEALED = '{"address":"54:48:E6:8F:80:A5","service_data":{"fcd2":"41a47266c95f730011223378237214"}}';
const KEY = '231d39c1d7cc1ab1aee224cd096db932';

describe('browser: Bluetooth dialogs', () => {
  const editor = onEditor();
  let controller: EmulatedController;
  before(async () => {
    controller = await emulatedController();
    controller.air.add(glmMeter({ address: GLM, finds: 2.45 }).advertiser);
    controller.air.add(distoMeter({ address: DISTO, random: true, finds: 3.25 }).advertiser);
    const data = adStructures([0x16, Buffer.from('d2fc4002ca09', 'hex')]);
    controller.air.add({ address: 'AA:BB:CC:DD:EE:01', everyMs: 50, data, rssi: -80 });
    await editor.page.evaluate(`RED.view.importNodes([
      { id: 'gatt1', type: 'fieldline-ble-gatt', wires: [[], [], []] },
      { id: 'advert1', type: 'fieldline-advert-decode', wires: [[], []] },
      { id: 'laser1', type: 'fieldline-laser-decode', wires: [[], []] },
    ].map((node, at) => ({ z: RED.workspaces.active(), x: 300, y: 900 + 60 * at, ...node })),
    { addFlow: false, touchImport: true, generateIds: false })`);
  });
  after(() => controller?.close());

  (nobleIsHere ? it : it.skip)(withNoble('ble-gatt lists what is on the air, and a click takes it over'), async () => {
    const { page } = editor;
    await editor.edit('gatt1');
    assert.equal(await page.locator('#node-input-service').isVisible(), false);
    await page.locator('#node-input-adapter').fill(`tcp://127.0.0.1:${controller.port}`);
    await page.locator('#fl-gatt-scan').click();
    const devices = page.locator('#fl-gatt-devices button');
    const disto = devices.filter({ hasText: 'DISTO 12345678' });
    await disto.waitFor();
    for (const heard of ['Bosch GLM50C', 'AA:BB:CC:DD:EE:01']) await devices.filter({ hasText: heard }).waitFor();
    const lines = await devices.allTextContents();
    assert.equal(lines.length, 3);
    assert.match(lines[2] ?? '', /^AA:BB:CC:DD:EE:01-80 dBm, \d+ s ago$/);
    await disto.click();
    assert.equal(await page.locator('#node-input-address').inputValue(), DISTO);
    assert.equal(await page.locator('#node-input-preset').inputValue(), 'leica-disto');
  });

  (nobleIsHere ? it : it.skip)(withNoble('ble-gatt measures now, and offers services to pick or to type'), async () => {
    const { page } = editor;
    const says = page.locator('#fl-gatt-says');
    await page.locator('#fl-gatt-measure').click();
    await says.filter({ hasText: 'value_mm 3250 (00005040)' }).waitFor();
    await page.locator('#fl-gatt-services').click();
    await says.filter({ hasText: '3 services; click what to use' }).waitFor();
    await page.locator('#fl-gatt-offers button').filter({ hasText: '2a19' }).click();
    const values = async (): Promise<string[]> =>
      Promise.all(
        ['preset', 'service', 'characteristic'].map(name => page.locator(`#node-input-${name}`).inputValue()),
      );
    assert.deepEqual(await values(), ['own', '180f', '2a19']);
    await page.locator('#node-input-characteristic').fill('ffe1');
    assert.deepEqual(await values(), ['own', '180f', 'ffe1']);
    // What cannot notify is read.
    assert.equal(await page.locator('#node-input-how').inputValue(), 'read');
    assert.equal(await page.locator('#node-input-readSeconds').isVisible(), true);
    await page.locator('#node-input-how').selectOption('subscribe');
    assert.equal(await page.locator('#node-input-readSeconds').isVisible(), false);
    await editor.leave();
  });

  it('ble-gatt says what is wrong with an adapter', async () => {
    const { page } = editor;
    await editor.edit('gatt1');
    await page.locator('#node-input-adapter').fill('usb0');
    await page.locator('#fl-gatt-scan').click();
    await page.locator('#fl-gatt-says').filter({ hasText: 'adapter: expected hci0' }).waitFor();
    await editor.leave();
  });

  it('advert-decode decodes what is pasted, with the keys as they stand there', async () => {
    const { page } = editor;
    const frame = page.locator('textarea[aria-label="Frame"]');
    const decode = page.getByRole('button', { name: 'Decode', exact: true });
    const list = page.locator('ul[aria-label="What was read"]');
    await editor.edit('advert1');
    await frame.fill('0716d2fc4002ca09');
    await decode.click();
    await list.filter({ hasText: 'temperature 25.06 °C (bthome-v2' }).waitFor();
    await frame.fill(SEALED);
    await decode.click();
    await list.filter({ hasText: 'encrypted, key missing' }).waitFor();
    await page.locator('#node-input-keys').fill(`54:48:E6:8F:80:A5=${KEY}`);
    await decode.click();
    await list.filter({ hasText: 'temperature 25.06 °C' }).waitFor();
    await frame.fill('no frame');
    await decode.click();
    await page.getByText('expected hex, or an advert as JSON').waitFor();
    await page.getByRole('button', { name: 'Last frame' }).click();
    await page.getByText('nothing came since the deploy').waitFor();
    await editor.leave();
  });

  it('laser-decode decodes what is pasted, or gives the reason', async () => {
    const { page } = editor;
    const frame = page.locator('textarea[aria-label="Frame"]');
    const decode = page.getByRole('button', { name: 'Decode', exact: true });
    await editor.edit('laser1');
    await frame.fill('c0551006000001cdcc1c400000000000000000dc');
    await decode.click();
    await page.getByText('value_mm 2450 mm (bosch-glm, Bosch GLM').waitFor();
    await frame.fill('c055100600000019411a0000000000000000');
    await decode.click();
    await page.getByText('GLM: expected exactly 20 bytes, got 18').waitFor();
    await editor.leave();
  });

  it('had no script error on the way', () => assert.deepEqual(editor.faults, []));
});
