// Links and scans that fail: a session that begins again, a scan that went silent.
import assert from 'node:assert/strict';
import type { HeardAdvert, Link, Radio } from '../reading/radio.ts';
import { rawAdvert } from './raw-advert.ts';
import { gattSession } from './session.ts';
import { fakeTime } from './time.fixture.ts';
import { watchedScan } from './watchdog.ts';

const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn++) await new Promise(resolve => setImmediate(resolve));
};

type FakeLink = Link & { end(reason: string): void; send(byte: number): void; readonly calls: string[] };

function fakeLink(fails?: 'subscribe' | 'write'): FakeLink {
  const calls: string[] = [];
  let end = (_reason: string): void => {};
  let send = (_bytes: Uint8Array, _at: number): void => {};
  const step = (name: 'subscribe' | 'write'): void => {
    calls.push(name);
    if (name === fails) throw new Error(`${name} failed`);
  };
  return {
    calls,
    services: async () => [],
    async subscribe(_service, _characteristic, onData) {
      step('subscribe');
      send = onData;
    },
    async write() {
      step('write');
    },
    read: () => Promise.reject(new Error('no')),
    ended: new Promise(resolve => {
      end = resolve;
    }),
    async disconnect() {
      calls.push('disconnect');
      end('disconnected');
    },
    end: reason => end(reason),
    send: byte => send(Uint8Array.of(byte), 7),
  };
}

function session(outcomes: (FakeLink | Error)[]): {
  time: ReturnType<typeof fakeTime>;
  log: string[];
  close(): Promise<void>;
} {
  const time = fakeTime();
  const log: string[] = [];
  const radio: Pick<Radio, 'connect'> = {
    async connect() {
      const next = outcomes.shift();
      if (next === undefined || next instanceof Error) throw next ?? new Error('no more');
      return next;
    },
  };
  const { close } = gattSession({
    radio,
    address: 'AA',
    service: 's',
    characteristic: 'c',
    enable: Uint8Array.of(1),
    onData: (bytes, at) => log.push(`data ${bytes[0]} at ${at}`),
    onLink: (connected, reason) => log.push(`${connected ? 'up' : 'down'}: ${reason}`),
    after: time.after,
    random: () => 1,
  });
  return { time, log, close };
}

describe('GATT session', () => {
  it('subscribes, enables, takes data, and begins again when the link ends', async () => {
    const first = fakeLink();
    const second = fakeLink();
    const { time, log, close } = session([first, second]);
    await turns();
    first.send(1);
    first.end('supervision timeout');
    await turns();
    time.pass(500);
    await turns();
    second.send(2);
    assert.deepEqual(log, [
      'up: connected',
      'data 1 at 7',
      'down: supervision timeout',
      'up: connected',
      'data 2 at 7',
    ]);
    assert.deepEqual(first.calls, ['subscribe', 'write']);
    await close();
    assert.deepEqual(second.calls, ['subscribe', 'write', 'disconnect']);
    assert.equal(time.waiting(), 0);
  });

  it('waits longer after each failure, and gives a link back that cannot be used', async () => {
    const deaf = fakeLink('subscribe');
    const { time, log, close } = session([new Error('unknown device'), deaf, fakeLink()]);
    await turns();
    time.pass(500);
    await turns();
    assert.deepEqual(deaf.calls, ['subscribe', 'disconnect']);
    time.pass(999);
    await turns();
    assert.deepEqual(log, ['down: unknown device', 'down: subscribe failed']);
    time.pass(1);
    await turns();
    assert.equal(log.at(-1), 'up: connected');
    await close();
  });

  it('closes while it waits', async () => {
    const { time, log, close } = session([new Error('away')]);
    await turns();
    await close();
    time.pass(60_000);
    await turns();
    assert.deepEqual(log, ['down: away']);
    assert.equal(time.waiting(), 0);
  });
});

describe('GATT session of a target', () => {
  const noises = { onLink() {}, after: fakeTime().after };

  it('reads again and again where nothing notifies, until the link ends', async () => {
    const time = fakeTime();
    const values: number[] = [];
    const links: string[] = [];
    const link = { ...fakeLink(), read: async () => Uint8Array.of(values.length + 1) };
    const { close } = gattSession({
      radio: { connect: async () => link },
      address: 'AA',
      service: 's',
      characteristic: 'c',
      readEveryMs: 1000,
      onData: bytes => values.push(bytes[0]!),
      onLink: (up, reason) => links.push(`${up ? 'up' : 'down'}: ${reason}`),
      after: time.after,
    });
    await turns();
    for (let second = 0; second < 2; second++) {
      time.pass(1000);
      await turns();
    }
    assert.deepEqual([values, links], [[1, 2, 3], ['up: connected']]);
    link.end('gone');
    await turns();
    assert.deepEqual(links.at(-1), 'down: gone');
    await close();
    assert.equal(time.waiting(), 0);
  });

  for (const [device, has, heard] of [
    ['the newer place, where a device has it', ['n', 'c'], 'n'],
    ['the older one, where it has not', ['c'], 'c'],
  ] as const)
    it(`subscribes to ${device}, and says where it hears`, async () => {
      const from: string[] = [];
      const base = fakeLink();
      const link = {
        ...base,
        async subscribe(service: string, characteristic: string, onData: (bytes: Uint8Array, at: number) => void) {
          if (!has.some(one => one === characteristic)) throw new Error('no such characteristic');
          await base.subscribe(service, characteristic, onData);
        },
      };
      const { close } = gattSession({
        ...noises,
        radio: { connect: async () => link },
        address: 'AA',
        service: 's',
        characteristic: 'c',
        newer: 'n',
        onData: (_bytes, _at, where) => from.push(where),
      });
      await turns();
      base.send(1);
      assert.deepEqual([from, base.calls], [[heard], ['subscribe']]);
      await close();
    });

  it('writes commands where they go, and replies to pieces', async () => {
    const written: string[] = [];
    const frames: string[] = [];
    const base = fakeLink();
    const link = {
      ...base,
      async write(_service: string, characteristic: string, bytes: Uint8Array) {
        written.push(`${characteristic} ${Buffer.from(bytes).toString('hex')}`);
      },
    };
    const session = gattSession({
      ...noises,
      radio: { connect: async () => link },
      address: 'AA',
      service: 's',
      characteristic: 'c',
      commands: 'w',
      enable: Uint8Array.of(1),
      framing: () => ({
        take: piece => (piece[0] === 9 ? { frame: piece, reply: Uint8Array.of(8) } : { reply: Uint8Array.of(7) }),
        split: command => [command, Uint8Array.of(0)],
      }),
      onData: bytes => frames.push(Buffer.from(bytes).toString('hex')),
    });
    await assert.rejects(session.command(Uint8Array.of(2)), /AA is not connected/);
    assert.equal(session.link, undefined);
    await turns();
    base.send(5);
    base.send(9);
    await session.command(Uint8Array.of(2));
    assert.deepEqual(written, ['w 01', 'w 00', 'w 07', 'w 08', 'w 02', 'w 00']);
    assert.deepEqual(frames, ['09']);
    assert.equal(session.link, link);
    await session.close();
  });
});

describe('watched scan', () => {
  it('scans anew after silence, once per silence, and not while adverts come', async () => {
    const time = fakeTime();
    const heard: HeardAdvert[] = [];
    const silences: number[] = [];
    let scans = 0;
    let speak = (_advert: HeardAdvert): void => {};
    const radio: Pick<Radio, 'scan'> = {
      scan(onAdvert) {
        scans++;
        speak = onAdvert;
        return async () => {
          speak = () => {};
        };
      },
    };
    const stop = watchedScan({
      radio,
      silenceMs: 1000,
      onAdvert: advert => heard.push(advert),
      onSilence: ms => silences.push(ms),
      clock: time,
      after: time.after,
    });
    for (let second = 0; second < 5; second++) {
      time.pass(900);
      speak({ address: 'AA', receivedAt: 0 });
    }
    assert.deepEqual([scans, silences, heard.length], [1, [], 5]);
    for (let quarter = 0; quarter < 10; quarter++) {
      time.pass(250);
      await Promise.resolve();
    }
    assert.deepEqual([scans, silences], [3, [1000, 2000]]);
    await stop();
    speak({ address: 'AA', receivedAt: 0 });
    time.pass(5000);
    assert.deepEqual([scans, heard.length, time.waiting()], [3, 5, 0]);
  });
});

describe('raw advert', () => {
  it('is the JSON of seed 001 on its topic', () => {
    const raw = rawAdvert(
      { address: 'AA', rssi: -60, service_data: { fcd2: '40' }, receivedAt: 1_767_225_600_000 },
      'attic',
    );
    assert.equal(
      Buffer.from(raw.bytes).toString(),
      '{"scanner_id":"attic","timestamp":"2026-01-01T00:00:00.000Z","address":"AA","rssi":-60,"service_data":{"fcd2":"40"}}',
    );
    const { topic, source, deviceId, signalStrength, protocol } = raw;
    assert.deepEqual(
      [topic, source, deviceId, signalStrength, protocol],
      ['bt-mqtt/raw/attic', 'attic', 'AA', -60, 'bluetooth'],
    );
  });
});
