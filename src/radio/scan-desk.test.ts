// Scan now: begins with the first look, adds up what is heard, ends when nobody looks.
import assert from 'node:assert/strict';
import type { HeardAdvert, Radio, RadioState } from '../reading/radio.ts';
import { scanDesk } from './scan-desk.ts';
import { fakeTime } from './time.fixture.ts';

function scene() {
  const time = fakeTime();
  const log: string[] = [];
  let hear = (_advert: HeardAdvert): void => {};
  let tell = (_state: RadioState): void => {};
  const radio: Radio = {
    scan(onAdvert) {
      hear = onAdvert;
      return async () => {};
    },
    connect: () => Promise.reject(new Error('no')),
    onState(listener) {
      tell = listener;
    },
    onLost() {},
    onFault() {},
    async close() {
      log.push('closed');
    },
  };
  const desk = scanDesk({
    async open(adapter, { active, prefix }) {
      log.push(`open ${adapter} ${active} ${prefix}`);
      if (adapter === 'broken') throw new Error('adapter: expected another');
      return adapter === 'silent' ? undefined : radio;
    },
    clock: time,
    after: time.after,
  });
  const heard = (advert: Partial<HeardAdvert>): void => hear({ address: 'AA', receivedAt: 0, ...advert });
  return { time, log, desk, heard, tell: (state: RadioState) => tell(state) };
}

describe('scan desk', () => {
  it('lists devices, nearest first, with what all their adverts told', async () => {
    const { time, log, desk, heard, tell } = scene();
    assert.deepEqual(await desk.look('hci0'), { state: 'starting', reason: 'the radio starts', devices: [] });
    tell({ state: 'on', reason: 'listening' });
    heard({ rssi: -80, service_uuids: ['180f'] });
    time.pass(300);
    heard({ rssi: -70, name: 'meter', service_data: { fcd2: '40' } });
    heard({ address: 'BB', rssi: -40 });
    heard({ address: 'CC' });
    time.pass(700);
    const { state, devices } = await desk.look('hci0');
    assert.equal(state, 'on');
    assert.deepEqual(devices, [
      { address: 'BB', rssi: -40, adverts: 1, agoMs: 700, services: [] },
      { address: 'AA', name: 'meter', rssi: -70, adverts: 2, agoMs: 700, services: ['180f', 'fcd2'] },
      { address: 'CC', adverts: 1, agoMs: 700, services: [] },
    ]);
    assert.deepEqual(log, ['open hci0 true ']);
  });

  it('ends when nobody looks, and begins again', async () => {
    const { time, log, desk } = scene();
    await desk.look('hci0', 'demo-');
    time.pass(4900);
    await desk.look('hci0', 'demo-');
    time.pass(4900);
    assert.equal(log.length, 1);
    time.pass(100);
    assert.deepEqual(log, ['open hci0 true demo-', 'closed']);
    await desk.look('hci0', 'demo-');
    assert.equal(log.length, 3);
  });

  it('opens a radio once for two who look, and again after it could not be opened', async () => {
    const { log, desk } = scene();
    await Promise.all([desk.look('hci0'), desk.look('hci0')]);
    assert.equal(log.length, 1);
    await assert.rejects(desk.look('broken'), /expected another/);
    await assert.rejects(desk.look('broken'), /expected another/);
    await assert.rejects(desk.look('silent'), /plays nothing here/);
    assert.equal(log.length, 4);
  });
});
