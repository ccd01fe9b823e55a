// The decoder of docs/add-a-decoder.md is loaded as it stands there: what a newcomer copies works.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { advertOf } from './advert-record.ts';
import { openUserDecoders } from './user-folder.ts';

const guide = new URL('../../docs/add-a-decoder.md', import.meta.url);

describe('the guide to a decoder', () => {
  it('shows one that works in a folder', async () => {
    const text = await readFile(guide, 'utf8');
    const [, code = ''] = /```js\n([\s\S]*?)```/.exec(text) ?? [];
    const [, advert = ''] = /```json\n([\s\S]*?)```/.exec(text) ?? [];
    const folder = await mkdtemp(join(tmpdir(), 'fieldline-guide-'));
    await writeFile(join(folder, 'shed-sensor.mjs'), code);
    const user = await openUserDecoders(folder);
    try {
      assert.deepEqual([...user.faults()], []);
      const parsed = advertOf(JSON.parse(advert));
      assert.ok(!('rejected' in parsed));
      const verdict = user.registry().decode(parsed);
      assert.deepEqual('decoded' in verdict && verdict.decoded.telemetry, {
        battery: 90,
        temperature: 24.6,
        humidity: 55,
      });
    } finally {
      user.close();
      await rm(folder, { recursive: true });
    }
  });
});
