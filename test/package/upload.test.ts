// The packed palette installs into an untouched Node-RED by the palette manager's upload, and every node of it loads.
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { freePort } from '../../bench/machine.ts';
import { nodeNames } from '../../scripts/build.ts';
import { root } from '../../scripts/imports.ts';

const require = createRequire(import.meta.url);

type NodeSet = { name: string; types: string[]; enabled: boolean; err?: unknown };

/** However slow the machine is: the time limit of the test ends it. */
async function untilUp(url: string, child: ChildProcess): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`Node-RED ended with ${child.exitCode}`);
    const up = await fetch(`${url}/flows`).then(
      answer => answer.ok,
      () => false,
    );
    if (up) return;
    await wait(200);
  }
}

describe('package', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'fieldline-package-'));
  let child: ChildProcess | undefined;
  let tarball = '';

  before(() => {
    // The build has run before the tests (pretest); packing must not run it again under the feet of other tests.
    execFileSync('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder], {
      cwd: root,
      stdio: 'pipe',
    });
    tarball = path.join(folder, readdirSync(folder).find(name => name.endsWith('.tgz')) ?? '');
  });
  after(async () => {
    if (child !== undefined && child.exitCode === null) {
      const ended = new Promise(resolve => child?.once('exit', resolve));
      child.kill('SIGTERM');
      await ended;
    }
    rmSync(folder, { recursive: true, force: true });
  });

  it('holds the palette and nothing of gateway, tests or captures outside its folders', () => {
    const listed = execFileSync('tar', ['tzf', tarball], { encoding: 'utf8' }).trim().split('\n');
    assert.ok(
      listed.includes('package/README.md') &&
        listed.includes('package/LICENSE') &&
        listed.includes('package/resources/form.js'),
    );
    const odd = listed.filter(
      file => /\.test\.|dist\/gateway|node_modules|\.ts$/.test(file) && !file.endsWith('.d.ts'),
    );
    assert.deepEqual(odd, []);
  });

  it('asks for at most six packages', () => {
    const { dependencies } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
    assert.ok(Object.keys(dependencies).length <= 6, Object.keys(dependencies).join(', '));
  });

  it('installs by upload, and every node set loads without an error', async () => {
    const userDir = path.join(folder, 'user');
    mkdirSync(userDir);
    const port = await freePort();
    writeFileSync(
      path.join(userDir, 'settings.js'),
      `module.exports={uiHost:'127.0.0.1',uiPort:${port},flowFile:'flows.json',credentialSecret:'t',telemetry:{enabled:false},logging:{console:{level:'error'}}}`,
    );
    child = spawn(process.execPath, [require.resolve('node-red/red.js'), '-u', userDir], { stdio: 'ignore' });
    const url = `http://127.0.0.1:${port}`;
    await untilUp(url, child);
    const form = new FormData();
    form.set('tarball', new Blob([readFileSync(tarball)]), path.basename(tarball));
    const answer = await fetch(`${url}/nodes`, { method: 'POST', body: form });
    const body = (await answer.json()) as { nodes: NodeSet[] };
    assert.equal(answer.status, 200, JSON.stringify(body));
    assert.deepEqual(
      body.nodes.filter(({ err }) => err),
      [],
    );
    assert.deepEqual(
      body.nodes.flatMap(({ types }) => types).sort(),
      nodeNames()
        .map(name => `fieldline-${name}`)
        .sort(),
    );
    const html = await fetch(`${url}/nodes`, { headers: { accept: 'text/html' } }).then(it => it.text());
    for (const name of nodeNames()) assert.ok(html.includes(`data-template-name="fieldline-${name}"`), name);
    const script = await fetch(`${url}/resources/@fieldline/node-red-fieldline/form.js`).then(it => it.text());
    assert.match(script, /FieldlineForm/);
  });
});
