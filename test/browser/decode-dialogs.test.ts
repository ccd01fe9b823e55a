// Decode now in a real browser with what nobody expects to be pasted, and with decoder files of one's own that are at fault.
import assert from 'node:assert/strict';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { onEditor } from './editor.ts';

describe('browser: decode now', () => {
  const editor = onEditor();
  before(async () => {
    await editor.page.evaluate(`RED.view.importNodes([
      { id: 'advert1', type: 'fieldline-advert-decode', wires: [[], []] },
      { id: 'laser1', type: 'fieldline-laser-decode', wires: [[], []] },
    ].map((node, at) => ({ z: RED.workspaces.active(), x: 300, y: 900 + 60 * at, ...node })),
    { addFlow: false, touchImport: true, generateIds: false })`);
  });

  /** Pastes, decodes, waits for the words. */
  async function says(text: string, words: string | RegExp): Promise<void> {
    const { page } = editor;
    // What the answer before it said must not be taken for this one.
    await page.evaluate(`document.querySelectorAll('#dialog-form output, #dialog-form ul[aria-label]').forEach(
      shown => { shown.textContent = 'not answered yet'; })`);
    await page.locator('textarea[aria-label="Frame"]').fill(text);
    await page.getByRole('button', { name: 'Decode', exact: true }).click();
    const answer = page.locator('#dialog-form').getByText(words).first();
    await answer.waitFor();
    assert.equal(await page.getByText('not answered yet').count(), 0);
  }

  const pasted: [name: string, text: string, words: string | RegExp][] = [
    ['nothing', '', 'expected hex, or an advert as JSON'],
    ['blanks', ' \n\t ', 'expected hex, or an advert as JSON'],
    ['an odd number of digits', '0716d2fc4002ca0', 'expected hex, or an advert as JSON'],
    ['markup', '<img src=x onerror="window.pasted = 1">', 'expected hex, or an advert as JSON'],
    ['a name of markup', '{"name":"<b>x</b>","service_data":{"fcd2":"4002ca09"}}', 'temperature 25.06 °C'],
    ['text of a device that is markup', `{"service_data":{"fcd2":"4453083c623e783c2f623e"}}`, 'text <b>x</b>'],
    ['null', 'null', 'expected hex, or an advert as JSON'],
    ['a list of two', '[{"service_data":{"fcd2":"4001ff"}},{"service_data":{"fcd2":"400149"}}]', 'battery 73 %'],
    ['what cannot be', '{"service_data":{"fcd2":"4001ff"}}', 'battery is absent: above 100'],
    ['a cut frame', '{"service_data":{"fcd2":"4002ca0903bf"}}', 'object 0x03 is longer than the frame'],
    ['hex that is no advert', 'ffffffffffff', /expected AD structures/],
    ['an address alone', 'AA:BB:CC:DD:EE:01 ', /expected AD structures/],
    [
      'a key of the object itself',
      '{"__proto__":{"fcd2":"40"},"service_data":{"constructor":"00"}}',
      'no decoder knows this',
    ],
    ['a megabyte', `{"service_data":{"fcd2":"${'40'.repeat(500_000)}"}}`, 'expected hex, or an advert as JSON'],
    [
      'an advert longer than any',
      `{"service_data":{"fcd2":"${'40'.repeat(5_000)}"}}`,
      'expected at most 1650 bytes, got 5000',
    ],
    ['the same again', '{"service_data":{"fcd2":"4002ca09"}}', 'temperature 25.06 °C'],
  ];
  it('of advert-decode answers whatever is pasted', async () => {
    await editor.edit('advert1');
    for (const [name, text, words] of pasted)
      await says(text, words).catch(error => assert.fail(`${name}: ${String(error)}`));
    assert.equal(await editor.page.evaluate('window.pasted'), undefined);
    await editor.leave();
  });

  it('of laser-decode answers whatever is pasted', async () => {
    await editor.edit('laser1');
    await says('', /expected/);
    await says('c0 55 10 06 00 00 01 cd cc 1c 40 00 00 00 00 00 00 00 00 dc', 'value_mm 2450 mm');
    await says('c0551006000001cdcc1c400000000000000000dd', 'CRC is 0xdd, expected 0xdc');
    await says('{"hex":"25064940","kind":"disto"}', 'value_mm 3141 mm');
    await says('{"hex":12}', /expected a frame/);
    await editor.leave();
  });

  it('has a name for what is typed into, also where a type can be chosen', async () => {
    await editor.edit('laser1');
    for (const name of ['Session', 'Element type', 'Element'])
      await editor.page.getByRole('textbox', { name, exact: true }).waitFor();
    await editor.leave();
  });

  it('names the files of the decoder folder that are at fault, an endless one too, and decodes with the others', async () => {
    const folder = path.join(editor.gateway.directory, 'own-decoders');
    const sound = `export default { name: 'shed', vendor: 'Own', models: ['Shed'], source: 'https://example.org',
      matches: advert => advert.manufacturerData.get('ffff')?.[0] === 0x53,
      decode: () => ({ telemetry: { temperature: 21 } }),
      examples: [{ name: 'mild', advert: { manufacturer_data: { ffff: '53' } }, gives: { temperature: 21 } }] };`;
    await mkdir(folder);
    try {
      await writeFile(path.join(folder, 'shed.mjs'), sound);
      await writeFile(path.join(folder, 'broken.mjs'), 'export default {');
      await writeFile(path.join(folder, 'endless.mjs'), 'for (;;);');
      await writeFile(path.join(folder, 'twin.mjs'), sound.replace("name: 'shed'", "name: 'twin'"));
      const { page } = editor;
      await editor.edit('advert1');
      await page.locator('#node-input-folder').fill(folder);
      // A machine needs what it needs for the trial: the dialog says so, for however short a time, and asks again by itself.
      await page.evaluate(`window.said = [];
        new MutationObserver(changes => said.push(...changes.map(({ target }) => target.textContent)))
          .observe(document.getElementById('dialog-form'), { childList: true, subtree: true })`);
      await says('{"manufacturer_data":{"ffff":"53"}}', 'temperature 21 °C (shed');
      const said = await page.evaluate<string[]>('said');
      assert.ok(said.some(text => text.startsWith(`still trying the decoder files of ${folder}`)));
      for (const words of ['broken.mjs: ', 'endless.mjs: does not end', 'twin.mjs: overlap: twin.mjs matches'])
        await page.getByText(words).first().waitFor();
      await editor.leave();
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('had no script error on the way', () => assert.deepEqual(editor.faults, []));
});
