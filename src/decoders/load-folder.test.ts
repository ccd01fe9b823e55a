// Files of a decoder folder that cannot be loaded: each says what is wrong with it and what to do, and nothing else is logged.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { leftOut, openUserDecoders, type UserDecoders } from './user-folder.ts';

const SHED = `export default {
  name: 'shed', vendor: 'Own', models: ['Shed'], source: 'https://example.org',
  matches: advert => advert.manufacturerData.has('ffff'),
  decode: advert => ({ telemetry: { temperature: advert.manufacturerData.get('ffff')[0] } }),
  examples: [{ name: 'warm', advert: { manufacturer_data: { 'ffff': '15' } }, gives: { temperature: 21 } }],
};`;

describe('a decoder file that cannot be loaded', () => {
  let folder: string;
  let user: UserDecoders | undefined;

  beforeEach(async () => {
    folder = join(await mkdtemp(join(tmpdir(), 'fieldline-load-')), 'decoders');
    user = await openUserDecoders(folder, undefined, { load: 20_000, advert: 5000 });
  });
  afterEach(async () => {
    user?.close();
    await rm(join(folder, '..'), { recursive: true, force: true });
  });

  const noDecoder: [name: string, file: string, make: (path: string) => Promise<unknown>, reason: RegExp][] = [
    ['a link to nothing', 'a.mjs', path => symlink('/nowhere/a.mjs', path), /^a\.mjs: is a link that leads nowhere$/],
    ['a link to itself', 'a.mjs', path => symlink(path, path), /^a\.mjs: is a link that leads nowhere$/],
    ['a folder', 'a.mjs', path => mkdir(path), /^a\.mjs: is no file, but a folder or a device$/],
    [
      'an ES module where CommonJS is expected',
      'a.cjs',
      path => writeFile(path, SHED),
      /^a\.cjs: .*reads this file as CommonJS: .* \.mjs$/,
    ],
    [
      'CommonJS where an ES module is expected',
      'a.mjs',
      path => writeFile(path, 'module.exports = {};'),
      /^a\.mjs: .*reads this file as an ES module: .* \.cjs$/,
    ],
  ];
  for (const [name, file, make, reason] of noDecoder)
    it(`says of ${name} what is wrong with it, in words of its own`, async () => {
      await make(join(folder, file));
      await user!.rescan();
      assert.match(user!.faults().get(file) ?? '', reason);
      assert.doesNotMatch(user!.faults().get(file) ?? '', /load-folder/);
    });

  it('is told in a status with how many others there are', async () => {
    assert.equal(leftOut(user!.faults()), undefined);
    await mkdir(join(folder, 'a.mjs'));
    await user!.rescan();
    const one = 'decoder file left out: a.mjs: is no file, but a folder or a device';
    assert.equal(leftOut(user!.faults()), one);
    for (const file of ['b.mjs', 'c.mjs']) await mkdir(join(folder, file));
    await user!.rescan();
    assert.equal(leftOut(user!.faults()), `${one}; 2 more files, see the log`);
  });

  it('leaves nothing in the log of what Node thinks of the kind of a file', async () => {
    await writeFile(join(folder, '..', 'package.json'), '{}');
    await writeFile(join(folder, 'a.cjs'), SHED);
    await writeFile(join(folder, 'shed.js'), SHED);
    const opening = `import { openUserDecoders } from ${JSON.stringify(new URL('./user-folder.ts', import.meta.url))};
      const user = await openUserDecoders(${JSON.stringify(folder)});
      console.log(...user.faults().keys());
      user.close();`;
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', opening]);
    assert.deepEqual([stdout, stderr], ['a.cjs\n', '']);
  });
});
