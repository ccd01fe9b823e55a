// The command as a process: exit codes, a reader that leaves, more input than fits in memory buffers.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';

const command = fileURLToPath(new URL('./fieldline.ts', import.meta.url));

async function fieldline(
  argv: readonly string[],
  input: Iterable<string>,
): Promise<{ code: unknown; out: string; errors: string }> {
  const child = spawn(process.execPath, [command, ...argv], { stdio: ['pipe', 'pipe', 'pipe'] });
  let out = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', text => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', text => {
    errors += text;
  });
  Readable.from(input).pipe(child.stdin);
  const [code] = await once(child, 'close');
  return { code, out, errors };
}

describe('fieldline, the process', () => {
  it('shows its help', async () => {
    const { code, out, errors } = await fieldline(['--help'], []);
    assert.deepEqual([code, errors], [0, '']);
    assert.match(out, /^Usage: fieldline/);
    assert.match(out, /fieldline decode adverts\|laser/);
  });

  for (const subcommand of [
    'decode',
    'score',
    'scan',
    'migrate',
    'replay',
    'dead-letters',
    'keys',
    'users',
    'backup',
    'restore',
    'doctor',
  ])
    it(`says how ${subcommand} is used`, async () => {
      const { code, out, errors } = await fieldline([subcommand, '--help'], []);
      assert.deepEqual([code, errors], [0, '']);
      assert.match(out, new RegExp(`^Usage: fieldline ${subcommand}`));
    });

  it('says the same after help', async () => {
    assert.deepEqual(await fieldline(['help', 'keys'], []), await fieldline(['keys', '--help'], []));
  });

  it('ends with 2 on wrong use, with words on standard error only', async () => {
    const { code, out, errors } = await fieldline(['decode', 'x'], []);
    assert.deepEqual([code, out], [2, '']);
    assert.match(errors, /expected adverts or laser/);
  });

  it('says which settings scan misses', async () => {
    const { code, errors } = await fieldline(['scan', '--config', 'nowhere.yaml'], []);
    assert.equal(code, 2);
    assert.match(errors, /nowhere\.yaml: expected a file with the settings of the scanner .*, got "ENOENT/);
  });

  it('answers 50,000 lines in order', async () => {
    function* input(): Generator<string> {
      for (let id = 0; id < 50_000; id += 1000)
        yield Array.from({ length: 1000 }, (_, at) => `{"id":${id + at},"hex":"25064940"}\n`).join('');
    }
    const { code, out } = await fieldline(['decode', 'laser'], input());
    assert.equal(code, 0);
    const ids = out
      .trim()
      .split('\n')
      .map(line => (JSON.parse(line) as { id: number }).id);
    assert.deepEqual(
      ids,
      Array.from({ length: 50_000 }, (_, id) => id),
    );
  });

  it('ends quietly when its reader leaves', async () => {
    const child = spawn(process.execPath, [command, 'decode', 'laser'], { stdio: ['pipe', 'pipe', 'pipe'] });
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', text => {
      errors += text;
    });
    // The process stops reading when it ends; what is still written to it then is nobody's.
    child.stdin.on('error', () => {});
    child.stdout.once('data', () => child.stdout.destroy());
    Readable.from(endless()).pipe(child.stdin);
    const [code] = await once(child, 'exit');
    child.stdin.destroy();
    assert.deepEqual([code, errors], [0, '']);
  });
});

function* endless(): Generator<string> {
  while (true) yield '{"hex":"25064940"}\n'.repeat(1000);
}
