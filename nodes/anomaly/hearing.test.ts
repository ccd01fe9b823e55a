// What the node did not hear is no silence of devices: of a restart, a kill and a deploy; who fell silent meanwhile is found.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { StoredReading } from '../../src/anomaly/catch-up.ts';
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
    stored = [];
    directory = mkdtempSync(path.join(tmpdir(), 'hearing-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  /** What a database would answer to what is asked after a crash. */
  let stored: StoredReading[] = [];
  const query = async (_: string, values: readonly unknown[] = []) => (values.length > 0 ? stored : []);

  const started = async () => {
    const host = {
      ...{ id: 'node', directory, count() {}, gauge() {}, status() {}, log() {} },
      ...{
        evaluate: () => undefined,
        ticket: () => undefined,
        config: () => (stored.length > 0 ? { query } : undefined),
      },
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
  const iso = (time: number) => new Date(time).toISOString();
  /** What a killed process left: when the series were saved, and what it noted of its hearing. */
  const killed = (saved: number, note: string): void => {
    const state = heard().replace('.heard', '');
    utimesSync(state, saved / SECOND, saved / SECOND);
    writeFileSync(`${state}.open`, '');
    writeFileSync(heard(), note);
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

  /** A node that heard both, and was stopped. */
  const ranUntil = async (end: number) => {
    const { node, said } = await started();
    await play(said, end);
    await node.close?.(false);
  };

  it('judges after a restart the silence that it heard, and no other', async () => {
    const stopped = Date.now() - ABSENT;
    await ranUntil(stopped);
    writeFileSync(heard(), iso(stopped));
    const back = Date.now();
    const { node, said } = await started();
    assert.notEqual(await kind(said('steady', back)), 'gap');
    assert.equal(await kind(said('silent before', back)), 'gap');
    assert.notEqual(await kind(said('steady', back + SECOND)), 'gap');
    assert.equal(await kind(said('steady', back + 10 * ABSENT)), 'gap', 'the absence is no usual pause');
    await node.close?.(false);
  });

  it('knows after many a deploy what it did not hear before the first one', async () => {
    const stopped = Date.now() - ABSENT;
    await ranUntil(stopped);
    writeFileSync(heard(), iso(stopped));
    const back = Date.now();
    for (let deploys = 0; deploys < 70; deploys++) await (await started()).node.close?.(false);
    const { node, said } = await started();
    assert.notEqual(await kind(said('steady', back)), 'gap');
    assert.equal(await kind(said('silent before', back)), 'gap');
    await node.close?.(false);
  });

  it('tells after a kill a silence in which all were silent, so that there was nothing to be saved', async () => {
    const fell = Date.now() - 10 * ABSENT;
    await ranUntil(fell);
    killed(fell, `${iso(Date.now() - ABSENT)} ${iso(Date.now() - ABSENT)}`);
    const { node, said } = await started();
    assert.equal(await kind(said('steady', Date.now())), 'gap');
    await node.close?.(false);
  });

  it('learns after a kill what is stored as it was judged: an absence before it is no pause of devices', async () => {
    const stopped = Date.now() - 4 * ABSENT;
    await ranUntil(stopped);
    // It was back for 90 s; of that nothing was saved, and the device fell silent again 20 s before the kill.
    const back = stopped + 2 * ABSENT;
    stored = Array.from({ length: 70 }, (_, second) => ({
      ...{ deviceId: 'steady', at: new Date(back + second * SECOND), digest: String(second), metadata: {} },
      telemetry: { v: 20 + ((second * 7919) % 101) / 101 },
    }));
    killed(stopped, `${iso(back + 90 * SECOND)}\n${iso(stopped)} ${iso(back)}`);
    const { node, said } = await started();
    assert.equal(await kind(said('steady', Date.now())), 'gap');
    await node.close?.(false);
  });

  it('takes for unheard after a kill what came since the last save, where no database tells it', async () => {
    const saved = Date.now() - ABSENT;
    await ranUntil(saved);
    killed(saved, iso(Date.now()));
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
    const noted = Date.parse(readFileSync(heard(), 'utf8').split(/\s/)[0] ?? '');
    assert.ok(noted >= before && noted <= Date.now(), String(noted));
  });
});
