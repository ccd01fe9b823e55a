// The room for what is young: as small as it began while little happens, more under load.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';

const ROOT = path.resolve(import.meta.dirname, '../..');

describe('young generation', () => {
  it('stays small at little load, and grows under load', () => {
    const flags = ['--min-semi-space-size=2', '--max-semi-space-size=8', '--disable-warning=ExperimentalWarning'];
    const fixture = path.join(import.meta.dirname, 'young-generation.fixture.ts');
    const [little, most] = JSON.parse(execFileSync(process.execPath, [...flags, fixture], { encoding: 'utf8' }));
    // V8 counts both halves.
    assert.ok(little <= 4 && most > 4, `${little} MB at little load, at most ${most} MB under load`);
  }).timeout(120_000);

  it('has the same room wherever the gateway is started', () => {
    for (const file of ['package.json', 'Dockerfile', 'deploy/fieldline.service']) {
      const text = readFileSync(path.join(ROOT, file), 'utf8');
      const [, least, most] = /--min-semi-space-size=(\d+)\W+--max-semi-space-size=(\d+)/.exec(text) ?? [];
      assert.deepEqual([file, least, most], [file, '8', '32']);
    }
  });

  it('has the same flags and variables wherever the gateway is started', () => {
    const of = (file: string) => {
      const text = readFileSync(path.join(ROOT, file), 'utf8');
      const [line = ''] = /--min-semi-space-size=.*?dist\/gateway\/main\.js/.exec(text) ?? [];
      return [line.match(/--[\w-]+(=\w+)?/g), text.match(/MALLOC_\w+=\d+/g)];
    };
    const [flags, variables] = of('package.json');
    assert.ok(flags!.length > 2 && variables!.length > 1);
    for (const file of ['Dockerfile', 'deploy/fieldline.service']) assert.deepEqual(of(file), [flags, variables], file);
  });
});
