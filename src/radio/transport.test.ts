// The way to an adapter of this machine: what is there, what is allowed, and what to do where it is not.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type KernelSocket, openKernel, openTcp } from './transport.ts';

const faultOf =
  (code: string): (() => never) =>
  () => {
    throw Object.assign(new Error(`${code}: it failed`), { code });
  };

describe('adapters of this machine', () => {
  let adapters: string;
  before(() => {
    adapters = mkdtempSync(path.join(os.tmpdir(), 'fieldline-adapters-'));
    for (const name of ['hci0', 'hci1', 'hci0:64']) mkdirSync(path.join(adapters, name));
  });
  after(() => rmSync(adapters, { recursive: true }));

  function open(device = 0, change: Partial<KernelSocket> = {}, place = adapters) {
    const log: string[] = [];
    const socket: KernelSocket = {
      bindRaw: bound => log.push(`bound to ${bound}`),
      isDevUp: () => true,
      setFilter: filter => log.push(`filter ${filter.toString('hex')}`),
      start: () => log.push('started'),
      stop: () => log.push('stopped'),
      write: packet => log.push(`sent ${packet.toString('hex')}`),
      emit: () => true,
      ...change,
    };
    const opened = openKernel(
      device,
      Buffer.of(1),
      {
        onPacket: packet => log.push(`came ${packet.toString('hex')}`),
        onEnd: reason => log.push(`end ${reason}`),
        onDenied: () => log.push('denied'),
      },
      { adapters: place, socket: () => socket },
    );
    return { opened, socket, log };
  }

  it('are bound, written to and read', async () => {
    const { opened, socket, log } = open(1);
    assert.ok('send' in opened && opened.isUp() && !opened.exclusive);
    opened.send(Buffer.of(1, 2));
    socket.emit('data', Buffer.of(4, 5));
    socket.emit('error', Object.assign(new Error('no'), { code: 'EPERM' }));
    socket.emit('error', new Error('Network is down'));
    await opened.close();
    assert.deepEqual(log, ['bound to 1', 'filter 01', 'started', 'sent 0102', 'came 0405', 'denied', 'stopped']);
  });

  const missing: [what: string, place: string, device: number, state: string, reason: RegExp][] = [
    ['no Bluetooth', '/no/such/folder', 0, 'unsupported', /this machine has no Bluetooth/],
    ['another adapter', '', 7, 'off', /adapter: expected one of hci0, hci1, got "hci7"/],
  ];
  for (const [what, place, device, state, reason] of missing)
    it(`say that there is ${what}`, () => {
      const { opened } = open(device, {}, place || adapters);
      assert.ok('reason' in opened && opened.state === state);
      assert.match(opened.reason, reason);
    });

  const refused: [code: string, state: string, reason: RegExp][] = [
    [
      'EPERM',
      'unauthorized',
      /no permission to use the adapter; run: sudo setcap cap_net_raw,cap_net_admin\+eip \S*node/,
    ],
    ['EACCES', 'unauthorized', /sudo setcap/],
    ['EAFNOSUPPORT', 'unsupported', /the system knows no Bluetooth sockets/],
    ['ENODEV', 'off', /adapter hci0 is not plugged in/],
    ['ERR_DLOPEN_FAILED', 'unsupported', /does not load \(.*\); run: npm rebuild @abandonware\/bluetooth-hci-socket/],
  ];
  for (const [code, state, reason] of refused)
    it(`say what to do on ${code}`, () => {
      const { opened } = open(0, { bindRaw: faultOf(code) });
      assert.ok('reason' in opened && opened.state === state);
      assert.match(opened.reason, reason);
    });
});

describe('a controller over TCP', () => {
  it('that is not there is off, with the reason', async () => {
    const opened = await openTcp('127.0.0.1', 1, { onPacket() {}, onEnd() {}, onDenied() {} });
    assert.ok('reason' in opened && opened.state === 'off');
    assert.match(opened.reason, /controller at 127\.0\.0\.1:1: connect ECONNREFUSED/);
  });
});
