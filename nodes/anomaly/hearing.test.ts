// What the node did not hear is no silence of devices: of a restart, a kill and a deploy; who fell silent meanwhile is found.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Host } from '../../src/palette/define.ts';
import { checkSettings } from '../../src/palette/settings.ts';
import type { Reading } from '../../src/reading/reading.ts';
import { until } from '../../test/support/until.ts';
import { definition } from './anomaly.ts';
import { fields } from './fields.ts';

const SECOND = 1000;
const ABSENT = 120 * SECOND;

describe('anomaly, what it did not hear', () => {
  let directory = '';
  beforeEach(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'hearing-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const started = async () => {
    const host = {
      ...{ id: 'node', directory, count() {}, gauge() {}, status() {}, log() {} },
      ...{ evaluate: () => undefined, config: () => undefined },
    };
    const node = await definition.start(checkSettings(fields, {}).settings, host as unknown as Host);
    const said = (deviceId: string, time: number): Promise<Reading> =>
      new Promise((resolve, reject) => {
        const reading: Reading = {
          ...{ deviceId, protocol: 'mqtt', timestamp: new Date(time).toISOString(), metadata: {} },
          telemetry: { v: 20 + ((Math.round(time / SECOND) * 7919) % 101) / 101 },
        };
        node.input?.(
          { payload: reading },
          () => {},
          fault => (fault === undefined ? resolve(reading) : reject(fault)),
        );
      });
    return { node, said };
  };
  const heard = () => path.join(directory, 'anomaly', 'node.state.heard');
  const kind = async (reading: Promise<Reading>) => (await reading).metadata.anomaly?.kind;

  /** Two devices that sent every second until `end`, one of which fell silent a minute before. */
  const play = async (said: (device: string, time: number) => Promise<Reading>, end: number) => {
    for (let second = 300; second > 0; second--) {
      await said('steady', end - second * SECOND);
      if (second > 60) await said('silent before', end - second * SECOND);
    }
  };

  it('judges after a restart the silence that it heard, and no other', async () => {
    const first = await started();
    const stopped = Date.now() - ABSENT;
    await play(first.said, stopped);
    await first.node.close?.(false);
    writeFileSync(heard(), new Date(stopped).toISOString());
    const back = Date.now();
    const { node, said } = await started();
    assert.notEqual(await kind(said('steady', back)), 'gap');
    assert.equal(await kind(said('silent before', back)), 'gap');
    assert.notEqual(await kind(said('steady', back + SECOND)), 'gap');
    assert.equal(await kind(said('steady', back + 10 * ABSENT)), 'gap', 'the absence is no usual pause');
    await node.close?.(false);
  });

  it('takes for unheard after a kill what came since the last save, where no database tells it', async () => {
    const first = await started();
    const saved = Date.now() - ABSENT;
    await play(first.said, saved);
    await first.node.close?.(false);
    const state = heard().replace('.heard', '');
    utimesSync(state, saved / SECOND, saved / SECOND);
    writeFileSync(`${state}.open`, '');
    const back = Date.now();
    const { node, said } = await started();
    assert.notEqual(await kind(said('steady', back)), 'gap');
    assert.equal(await kind(said('silent before', back)), 'gap');
    await node.close?.(false);
  });

  it('notes on the disk until when it heard, and after a stop exactly that', async () => {
    const { node } = await started();
    await until(() => existsSync(heard()));
    const before = Date.now();
    await node.close?.(false);
    const noted = Date.parse(readFileSync(heard(), 'utf8'));
    assert.ok(noted >= before && noted <= Date.now(), String(noted));
  });
});
