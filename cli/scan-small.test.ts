// The scanner's process starts over with little memory, and ends as it is told to.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { carriedConfig } from './scan-small.ts';

const program = path.join(import.meta.dirname, 'fieldline.ts');

/** `fieldline scan` on this radio, to a broker that is not there, in a folder of its own. */
function startScan(hci: string) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'fieldline-test-'));
  const config = path.join(folder, 'scanner.yaml');
  writeFileSync(config, `scanner_id: small\nmqtt: {url: "mqtt://127.0.0.1:9"}\nble: {hci: "${hci}"}\n`);
  const scanner = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', program, 'scan', '--config', config],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  return { scanner, remove: () => rmSync(folder, { recursive: true }) };
}

describe('scan, its process', () => {
  it('goes on as a smaller one under the same id, with its configuration', async function () {
    if (process.platform !== 'linux' || process.execve === undefined) return this.skip();
    const { scanner, remove } = startScan('replay:builtin');
    const ended = once(scanner, 'exit');
    try {
      for await (const line of readline.createInterface({ input: scanner.stderr }))
        if ((JSON.parse(line) as { text: string }).text === 'scanning') {
          assert.equal((JSON.parse(line) as { scanner_id: string }).scanner_id, 'small');
          break;
        }
      const of = (what: string): string[] => readFileSync(`/proc/${scanner.pid}/${what}`, 'utf8').split('\0');
      assert.ok(of('cmdline').includes('--max-semi-space-size=1'), of('cmdline').join(' '));
      assert.ok(of('environ').includes('MALLOC_ARENA_MAX=1'));
      scanner.stderr.resume();
    } finally {
      scanner.kill('SIGTERM');
      remove();
    }
    assert.deepEqual(await ended, [0, null]);
  });

  it('ends with what is wrong where its captures are not there', async () => {
    const { scanner, remove } = startScan('replay:/no/such');
    const said = scanner.stderr.toArray();
    const [code] = (await once(scanner, 'exit')) as [number];
    remove();
    assert.equal(code, 2);
    assert.match(Buffer.concat(await said).toString(), /^fieldline scan: ble.hci: captures: ENOENT/);
  });

  it('leaves the configuration, which may hold a password, to no process of its own', () => {
    process.env['FIELDLINE_SCAN_CONFIG'] = '{"scannerId":"attic"}';
    assert.deepEqual(carriedConfig(), { scannerId: 'attic' });
    assert.equal(process.env['FIELDLINE_SCAN_CONFIG'], undefined);
    assert.equal(carriedConfig(), undefined);
  });
});
