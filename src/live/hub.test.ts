// The fan-out core: one encoding for many, filters by value and by trial, snapshots, catching up, and members that leave meanwhile.
import assert from 'node:assert/strict';
import { fakeClock } from '../kernel/clock.ts';
import type { Reading } from '../reading/reading.ts';
import { channelNamed } from './channels.ts';
import { type Filter, noFilter, parseFilter } from './filter.ts';
import type { Batch } from './groups.ts';
import { createHub, type Hub } from './hub.ts';
import { latestRows } from './latest.ts';
import { entryAt, rowLog } from './log.ts';
import { rowsOf } from './publication.ts';
import { ofChannel } from './selection.ts';

function laser(value: number, sessionId = 'S1', deviceId = 'D1', second = value): Reading {
  const timestamp = new Date(Date.UTC(2026, 0, 1) + second * 1000).toISOString();
  return { deviceId, protocol: 'bluetooth', timestamp, telemetry: { value_mm: value }, metadata: { sessionId } };
}

function filterOf(text: string): Filter {
  const filter = parseFilter(text, channelNamed('measurement-stream')!.columns);
  assert.ok(!('refused' in filter));
  return filter;
}

describe('live hub', () => {
  let hub: Hub;
  beforeEach(() => {
    hub = createHub({ batchMs: 60_000, historyRows: 20 });
  });
  afterEach(() => hub.close());

  /** Subscribes and collects the values it is given. */
  function listen(channel: string, filter = noFilter) {
    const values: unknown[] = [];
    const batches: Batch[] = [];
    const subscription = hub.subscribe(ofChannel(channelNamed(channel)!, filter, undefined), batch => {
      batches.push(batch);
      values.push(...batch.entries.map(entry => entry.row.data['value_mm']));
    });
    return { values, batches, ...subscription };
  }

  it('gives each subscriber its rows only, in order, in one batch', () => {
    const all = listen('measurement-stream');
    const device = listen('device:D2');
    hub.publish([laser(1), laser(2, 'S1', 'D2'), laser(3)]);
    hub.flush();
    assert.deepEqual(all.values, [1, 2, 3]);
    assert.equal(all.batches.length, 1);
    assert.deepEqual(device.values, [2]);
  });

  it('encodes a batch once for all who have the same filter', () => {
    const listeners = [1, 2, 3].map(() => listen('measurement-stream', filterOf('session_id=eq.S1')));
    hub.publish([laser(1)]);
    hub.flush();
    let encodings = 0;
    const encoder = () => ++encodings;
    assert.deepEqual(
      listeners.map(({ batches }) => batches[0]!.once('x', encoder)),
      [1, 1, 1],
    );
    assert.equal(
      listeners[0]!.batches[0]!.once('y', () => 'another protocol'),
      'another protocol',
    );
  });

  it('sends nothing twice and nothing late to one who joins while rows wait', () => {
    const early = listen('measurement-stream');
    hub.publish([laser(1)]);
    const late = listen('measurement-stream');
    hub.publish([laser(2)]);
    hub.flush();
    assert.deepEqual(early.values, [1, 2]);
    assert.deepEqual(late.values, [2]);
    assert.deepEqual(
      late.snapshot().map(({ row }) => row.data['value_mm']),
      [2],
    );
    assert.deepEqual(
      late.since(0)?.map(({ row }) => row.data['value_mm']),
      [1, 2],
    );
  });

  it('sends after the batch time by itself, and at once when a batch is full', async () => {
    const quick = createHub({ batchMs: 1 });
    const batch = await new Promise<Batch>(resolve => {
      quick.subscribe(ofChannel(channelNamed('measurement-stream')!, noFilter, undefined), resolve);
      quick.publish([laser(1), laser(2)]);
    });
    assert.equal(batch.entries.length, 2);
    quick.close();

    const full = listen('measurement-stream');
    hub.publish(Array.from({ length: 300 }, (_, at) => laser(at)));
    assert.equal(full.values.length, 256);
  });

  it('goes on with the others when a member leaves during delivery', () => {
    const first = hub.subscribe(ofChannel(channelNamed('measurement-stream')!, noFilter, undefined), () =>
      first.close(),
    );
    const second = listen('measurement-stream');
    for (const value of [1, 2]) {
      hub.publish([laser(value)]);
      hub.flush();
    }
    assert.deepEqual(second.values, [1, 2]);
  });

  it('keeps the newest row of each thing for snapshots, also against late ones and primed ones', () => {
    hub.publish([laser(5), laser(1, 'S1', 'D1', 1), laser(7, 'S2', 'D2')]);
    hub.prime([laser(3, 'S1', 'D1', 3), laser(4, 'S1', 'D3')].flatMap(rowsOf));
    const values = (channel: string, filter = noFilter) =>
      listen(channel, filter)
        .snapshot()
        .map(({ row, offset }) => [row.data['value_mm'], offset > 0]);
    assert.deepEqual(values('measurement-stream'), [
      [4, false],
      [5, true],
      [7, true],
    ]);
    assert.deepEqual(values('measurement-stream', filterOf('session_id=eq.S2')), [[7, true]]);
    assert.deepEqual(values('device:D3'), [[4, false]]);
    assert.deepEqual(values('alarms'), []);
  });

  it('updates the status of a device once for each batch', () => {
    const status = listen('device-status');
    hub.publish([laser(1), laser(2), laser(3, 'S1', 'D2')]);
    hub.flush();
    assert.deepEqual(
      status.batches.flatMap(({ entries }) => entries.map(({ row }) => row.data['last_measurement'])),
      [laser(2).timestamp, laser(3).timestamp],
    );
  });

  it('keeps history while somebody can come back, and says that it has none when nobody could', () => {
    const clock = fakeClock();
    const idle = createHub({ batchMs: 60_000, clock });
    const selection = ofChannel(channelNamed('measurement-stream')!, noFilter, undefined);
    const known = (offset: number) =>
      idle
        .look(selection)
        .since(offset)
        ?.map(({ row }) => row.data['value_mm']);
    idle.publish([laser(1)]);
    assert.equal(known(0), undefined);
    const { offset, close } = idle.subscribe(selection, () => {});
    clock.advance(3_600_000);
    idle.publish([laser(2)]);
    close();
    clock.advance(14 * 60_000);
    idle.publish([laser(3)]);
    assert.deepEqual(known(offset), [2, 3]);
    clock.advance(16 * 60_000);
    idle.publish([laser(4)]);
    assert.equal(known(offset), undefined);
    assert.equal(idle.look(selection).snapshot()[0]?.row.data['value_mm'], 4);
    idle.close();
  });

  it('tells what was missed, or that it no longer knows', () => {
    const here = listen('measurement-stream');
    assert.deepEqual(here.since(0), []);
    hub.publish([laser(1), laser(2, 'S9', 'D9')]);
    const { offset } = listen('device:D1');
    hub.publish([laser(3)]);
    assert.deepEqual(
      listen('device:D1')
        .since(offset)
        ?.map(({ row }) => row.data['value_mm']),
      [3],
    );
    hub.publish(Array.from({ length: 20 }, (_, at) => laser(at)));
    assert.equal(here.since(offset), undefined, 'the log is shorter than that');
    assert.equal(here.since(9_999), undefined, 'ahead of us');
    assert.equal(here.since(-1), undefined);
  });

  it('conflates once for all who want the same', async () => {
    const quick = createHub({ batchMs: 60_000 });
    const selection = ofChannel(channelNamed('measurement-stream')!, noFilter, undefined);
    const first = Promise.withResolvers<Batch>();
    const second = Promise.withResolvers<Batch>();
    quick.subscribe(selection, first.resolve, 20);
    quick.subscribe(selection, second.resolve, 20);
    quick.publish([laser(1), laser(2, 'S1', 'D2'), laser(3)]);
    const batch = await first.promise;
    assert.equal(await second.promise, batch);
    assert.deepEqual(
      batch.entries.map(({ row }) => row.data['value_mm']),
      [2, 3],
    );
    quick.close();
  });

  it('goes on where another stood, and tells its clients when it cannot', () => {
    const selection = ofChannel(channelNamed('measurement-stream')!, noFilter, undefined);
    hub.look(selection);
    hub.publish([laser(1), laser(2)]);
    const { position } = hub;
    const successor = createHub({ batchMs: 60_000, position });
    const known = (one: Hub) =>
      one
        .look(selection)
        .since(0)
        ?.map(({ offset, row }) => [offset, row.data['value_mm']]);
    assert.equal(successor.epoch, hub.epoch);
    assert.deepEqual(known(successor), known(hub));
    assert.equal(successor.look(selection).snapshot().length, 1);
    let told = 0;
    successor.onBreak(() => told++);
    const { offset } = successor.look(selection);
    successor.breakOff();
    assert.equal(told, 1);
    assert.notEqual(successor.epoch, hub.epoch);
    assert.equal(successor.look(selection).since(0), undefined);
    assert.equal(successor.look(selection).offset, offset, 'offsets never go back');
    successor.close();
  });
});

describe('live log', () => {
  const row = rowsOf(laser(1))[0]!;

  it('keeps so many rows', () => {
    const log = rowLog(3, 1e9);
    for (let at = 1; at <= 100; at++) {
      log.append(row);
      const kept = Math.min(at, 3);
      assert.deepEqual(
        log.since(at - kept)?.map(entry => entry.offset),
        Array.from({ length: kept }, (_, k) => at - kept + 1 + k),
      );
      assert.equal(log.since(at - kept - 1), undefined);
    }
  });

  it('keeps so many bytes, and always the newest row', () => {
    const size = 300 + Object.values(row.data).join('').length;
    const log = rowLog(1000, 2.9 * size);
    for (let at = 0; at < 50; at++) log.append(row);
    assert.equal(log.since(48)?.length, 2);
    assert.equal(log.since(47), undefined);
    const tiny = rowLog(1000, 1);
    tiny.append(row);
    assert.equal(tiny.since(0)?.length, 1);
  });
});

describe('live latest rows', () => {
  it('forgets the thing that was silent longest, and keeps no monsters', () => {
    const latest = latestRows(2);
    for (const [offset, device] of [
      [1, 'D1'],
      [2, 'D2'],
      [3, 'D1'],
      [4, 'D3'],
    ] as const)
      latest.put(entryAt(offset, rowsOf(laser(1, 'S1', device))[0]!));
    const monster = laser(1, 'x'.repeat(20_000), 'D4');
    latest.put(entryAt(5, rowsOf(monster)[0]!));
    const kept = latest.snapshot('alarms', () => true, 10);
    assert.deepEqual(
      kept.map(({ offset }) => offset),
      [3, 4],
    );
    assert.deepEqual(
      latest.snapshot('alarms', () => true, 1).map(({ offset }) => offset),
      [4],
    );
  });

  it('finds the rows of an application, also of a device that moves to another', () => {
    const latest = latestRows(10);
    const put = (offset: number, device: string, applicationId: string) =>
      latest.put(entryAt(offset, { ...rowsOf(laser(1, 'S1', device))[0]!, applicationId }));
    put(1, 'D1', 'mill');
    put(2, 'D2', 'mill');
    put(3, 'D1', 'dam');
    const of = (topic: string) => latest.snapshot(topic, () => true, 10).map(({ offset }) => offset);
    assert.deepEqual([of('application:mill'), of('application:dam'), of('device:D1')], [[2], [3], [3]]);
    assert.deepEqual(of('application:il'), []);
  });
});
