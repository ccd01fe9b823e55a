// The warning about links that do not keep messages on disk, in a real browser: on the canvas, in the dialog, at deploy, and gone when it is mended.
import assert from 'node:assert/strict';
import path from 'node:path';
import { onEditor } from './editor.ts';

const shots = process.env['FIELDLINE_SHOTS'];

describe('browser: links that do not keep on disk', () => {
  const editor = onEditor();

  const badge = () => editor.page.locator('#riskout .fieldline-link-risk-badge');
  /** Whether the badge is seen: its group is hidden otherwise. */
  const marked = (visible: boolean) => badge().waitFor({ state: visible ? 'visible' : 'hidden' });
  const evaluate = (script: string) => editor.page.evaluate(`(() => { ${script} })()`);

  it('has none in the shipped flow', async () => {
    assert.equal(await editor.page.locator('.fieldline-link-risk-badge:visible').count(), 0);
  });

  it('marks a link that drops as soon as a source that acknowledges is wired to it, through other nodes', async () => {
    await evaluate(`RED.view.importNodes([
      { id: 'riskout', type: 'fieldline-http-out', z: RED.workspaces.active(), x: 400, y: 700, name: 'cloud', url: 'http://127.0.0.1:9/', policy: 'drop', wires: [] },
      { id: 'risklink', type: 'link in', z: RED.workspaces.active(), x: 200, y: 700, links: ['risksend'], wires: [['riskout']] },
      { id: 'risksend', type: 'link out', z: RED.workspaces.active(), x: 200, y: 600, mode: 'link', links: ['risklink'], wires: [] },
    ], { touchImport: true, generateIds: false });`);
    await marked(false);
    await evaluate(
      `RED.nodes.addLink({ source: RED.nodes.node('fl-norm'), sourcePort: 0, target: RED.nodes.node('risksend') }); RED.view.redraw(true);`,
    );
    await marked(true);
    if (shots) await editor.page.screenshot({ path: path.join(shots, 'risk-1.png') });
  });

  it('says in the dialog what happens, and follows the choice there', async () => {
    const { page } = editor;
    await page.evaluate('RED.editor.edit(RED.nodes.node("riskout"))');
    const words = page.locator('.fieldline-link-risk');
    await page.locator('.fieldline-link-risk', { hasText: 'drops messages of Homelab' }).waitFor();
    if (shots) await page.screenshot({ path: path.join(shots, 'risk-2.png') });
    await page.locator('#node-input-policy').selectOption('memory');
    await page.locator('.fieldline-link-risk', { hasText: 'wait in memory' }).waitFor();
    await page.locator('#node-input-policy').selectOption('disk');
    assert.equal(await words.textContent(), '');
    await page.locator('#node-dialog-cancel').click();
    await page.locator('#node-input-policy').waitFor({ state: 'detached' });
  });

  it('tells at deploy', async () => {
    const { page } = editor;
    await evaluate('RED.nodes.dirty(true);');
    await page.locator('#red-ui-header-button-deploy').click();
    const notice = page.locator('.fieldline-link-risks');
    await notice.waitFor();
    assert.match(
      (await notice.textContent()) ?? '',
      /cloud: While the other end is away, this link drops messages of Homelab/,
    );
    if (shots) await page.screenshot({ path: path.join(shots, 'risk-3.png') });
  });

  it('is gone when the wire is cut, or the policy is disk', async () => {
    await evaluate(
      `RED.nodes.removeLink(RED.nodes.getNodeLinks(RED.nodes.node('risksend'), 1)[0]); RED.view.redraw(true);`,
    );
    await marked(false);
    await evaluate(
      `RED.nodes.addLink({ source: RED.nodes.node('fl-norm'), sourcePort: 0, target: RED.nodes.node('riskout') }); RED.view.redraw(true);`,
    );
    await marked(true);
    const { page } = editor;
    await page.evaluate('RED.editor.edit(RED.nodes.node("riskout"))');
    await page.locator('#node-input-policy').selectOption('disk');
    await page.locator('#node-dialog-ok').click();
    await marked(false);
  });

  it('had no script error on the way', () => assert.deepEqual(editor.faults, []));
});
