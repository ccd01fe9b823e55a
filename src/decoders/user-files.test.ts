// A user's decoder that goes wrong on an advert its trial did not meet: it is set aside by name, and nothing else stops.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Worker } from 'node:worker_threads';
import { until } from '../../test/support/until.ts';
import { advertOf } from './advert-record.ts';
import { NO_DECODER } from './registry.ts';
import { openUserDecoders, type UserDecoders } from './user-folder.ts';

/** On a frame of these bytes, which no trial draws, `on` is carried out. */
const TRAP = 'c0ffee15badd';
const source = (name: string, key: string, on = '', where: 'matches' | 'decode' = 'decode'): string => {
  const trap = `if (hex === '${TRAP}') { ${on} }`;
  return `export const decoder = {
    name: '${name}', vendor: 'Own', models: ['Shed'], source: 'https://example.org',
    matches(advert) {
      const hex = Buffer.from(advert.manufacturerData.get('${key}') ?? []).toString('hex');
      ${where === 'matches' ? trap : ''}
      return hex !== '';
    },
    decode(advert) {
      const hex = Buffer.from(advert.manufacturerData.get('${key}')).toString('hex');
      ${where === 'decode' ? trap : ''}
      return { telemetry: { temperature: advert.manufacturerData.get('${key}')[0] } };
    },
    examples: [{ name: 'warm', advert: { manufacturer_data: { '${key}': '15' } }, gives: { temperature: 21 } }],
  };`;
};

describe("a user's decoder at fault on an advert", () => {
  let folder: string;
  let user: UserDecoders;
  let scans = 0;

  const decoded = (manufacturer_data: Record<string, string>, service_data = {}): unknown => {
    const advert = advertOf({ manufacturer_data, service_data });
    assert.ok(!('rejected' in advert));
    const verdict = user.registry().decode(advert);
    return 'decoded' in verdict ? verdict.decoded.telemetry : verdict.rejected;
  };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fieldline-user-'));
    await writeFile(join(folder, 'barn.mjs'), source('barn', 'fffe'));
    scans = 0;
  });
  afterEach(async () => {
    user.close();
    await rm(folder, { recursive: true });
  });

  async function openWith(text: string, leftOut: string[] = []): Promise<void> {
    await writeFile(join(folder, 'shed.mjs'), text);
    user = await openUserDecoders(folder, () => scans++, { load: 20_000, advert: 500 });
    assert.deepEqual([...user.faults().keys()], leftOut);
    assert.deepEqual(decoded({ ffff: '15' }), { temperature: 21 });
  }

  const endless: [name: string, text: string][] = [
    ['decode never ends', source('shed', 'ffff', 'for (;;);')],
    ['matches never ends', source('shed', 'ffff', 'for (;;);', 'matches')],
    ['decode collects without end', source('shed', 'ffff', 'const all = []; for (;;) all.push({});')],
    ['decode ends the process', source('shed', 'ffff', 'process.exit(3);')],
    ['decode waits', source('shed', 'ffff', 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);')],
  ];
  for (const [name, text] of endless)
    it(`is set aside by name when ${name}; the others go on`, async () => {
      await openWith(text);
      assert.match(String(decoded({ ffff: TRAP })), /decoder shed failed: .*does not end: no answer within 0\.5 s/);
      assert.deepEqual([...user.faults().keys()], ['shed.mjs']);
      assert.match(user.faults().get('shed.mjs') ?? '', /^shed\.mjs: does not end.*left out until the file changes/);
      assert.equal(scans, 1);
      assert.equal(decoded({ ffff: '15' }), NO_DECODER);
      assert.deepEqual(decoded({ fffe: '16' }), { temperature: 22 });
      assert.deepEqual(decoded({}, { fcd2: '4002ca09' }), { temperature: 25.06 });
      await user.rescan();
      assert.deepEqual([...user.faults().keys()], ['shed.mjs']);
      await writeFile(join(folder, 'shed.mjs'), source('shed', 'ffff'));
      await user.rescan();
      assert.deepEqual([...user.faults()], []);
      assert.deepEqual(decoded({ ffff: TRAP }), { temperature: 0xc0 });
    });

  it('makes room, set aside, for one that could not stand beside it', async () => {
    await writeFile(join(folder, 'twin.mjs'), source('shed', 'fffd'));
    await openWith(source('shed', 'ffff', 'for (;;);'), ['twin.mjs']);
    assert.equal(decoded({ fffd: '15' }), NO_DECODER);
    decoded({ ffff: TRAP });
    await until(() => isDeepStrictEqual([...user.faults().keys()], ['shed.mjs']));
    assert.deepEqual(decoded({ fffd: '15' }), { temperature: 21 });
  });

  it('is set aside when it ends its thread after its answer; one that did not stays', async () => {
    let newest: Worker | undefined;
    const note = (worker: Worker): void => {
      newest = worker;
    };
    process.on('worker', note);
    await openWith(source('shed', 'ffff', 'setTimeout(() => process.exit(3));'));
    process.off('worker', note);
    const ended = once(newest!, 'exit');
    assert.deepEqual(decoded({ ffff: TRAP }), { temperature: 0xc0 });
    await ended;
    assert.deepEqual(decoded({ fffe: '16' }), { temperature: 22 });
    assert.match(user.faults().get('shed.mjs') ?? '', /ends its thread/);
    assert.equal(decoded({ ffff: '15' }), NO_DECODER);
  });

  const left: [name: string, on: string][] = [
    ['a promise', "Promise.reject(new Error('late'));"],
    ['a timer', "setTimeout(() => { throw new Error('late'); });"],
  ];
  for (const [name, on] of left)
    it(`takes nobody with it when ${name} that it left behind fails, least of all who is asked then`, async () => {
      await openWith(source('shed', 'ffff', on));
      assert.deepEqual(decoded({ ffff: TRAP }), { temperature: 0xc0 });
      for (let asked = 0; asked < 20; asked++) {
        assert.deepEqual(decoded({ fffe: '16' }), { temperature: 22 });
        await wait(10);
      }
      assert.deepEqual([...user.faults()], []);
    });

  it('follows a helper in a sub-folder', async () => {
    const helper = (shift: number) => writeFile(join(folder, 'own', 'shift.mjs'), `export const shift = ${shift};`);
    await mkdir(join(folder, 'own'));
    await helper(0);
    const text = source('shed', 'ffff').replace("get('ffff')[0]", "get('ffff')[0] + shift * (hex === '16')");
    await writeFile(join(folder, 'shed.mjs'), `import { shift } from './own/shift.mjs';\n${text}`);
    user = await openUserDecoders(folder, () => {}, { load: 20_000, advert: 500 }, 20);
    assert.deepEqual(decoded({ ffff: '16' }), { temperature: 22 });
    await helper(8);
    // It may be read while it is being written, and then once more.
    await until(() => isDeepStrictEqual(decoded({ ffff: '16' }), { temperature: 30 }));
    assert.deepEqual(decoded({ fffe: '15' }), { temperature: 21 });
  });

  it('is followed in a folder that something writes into without end', async () => {
    user = await openUserDecoders(folder, () => {}, { load: 20_000, advert: 500 }, 1000);
    const log = setInterval(() => writeFile(join(folder, 'own.log'), String(performance.now())), 20);
    await writeFile(join(folder, 'shed.mjs'), source('shed', 'ffff'));
    await until(() => isDeepStrictEqual(decoded({ ffff: '16' }), { temperature: 22 }));
    clearInterval(log);
  });

  const refused: [name: string, on: string][] = [
    ['throws', "throw new Error('no such frame');"],
    ['gives a function', 'return { telemetry: { temperature: () => 1 } };'],
    ['gives a promise', 'return Promise.resolve({ telemetry: {} });'],
    ['gives nothing', 'return;'],
  ];
  for (const [name, on] of refused)
    it(`stays, with this advert refused, when it ${name}`, async () => {
      await openWith(source('shed', 'ffff', on));
      assert.match(String(decoded({ ffff: TRAP })), /^decoder shed failed: /);
      assert.deepEqual([...user.faults()], []);
      assert.deepEqual(decoded({ ffff: '15' }), { temperature: 21 });
    });
});
