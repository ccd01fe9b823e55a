// Serial lines: a dead unit costs the others its time and no more, adapters come back under their stable name, a missing add-on is told.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Bus, openBus } from './bus.ts';
import { faultOf } from './fault.fixture.ts';
import type { ReadRequest } from './link.ts';
import { patienceOf } from './patience.ts';
import { stablePath } from './port-names.ts';
import { serialConnector, type SerialOptions } from './serial.ts';
import { simulatedLine } from './serial.fixture.ts';
import { charMsOf, formatName, pauseOf } from './serial-format.ts';
import { systemTiming } from './timing.ts';
import { until } from '../../test/support/until.ts';

const format = { baudRate: 115_200, dataBits: 8, parity: 'none', stopBits: 1 } as const;
const read = (unit: number, address = 0): ReadRequest => ({ unit, table: 'holding', address, count: 2 });
const right = (address: number) => new Uint8Array([0, address, 0, address + 1]);

describe('serial line', () => {
  let bus: Bus | undefined;
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(path.join(tmpdir(), 'serial-'))));
  afterEach(async () => {
    await bus?.close();
    rmSync(folder, { recursive: true });
  });
  const open = (more: Partial<SerialOptions> & Pick<SerialOptions, 'path'>, timeoutMs = 60, after = 3) => {
    bus = openBus({
      name: 'b',
      connect: serialConnector({ format, connectTimeoutMs: 500, drainMs: 60, byId: folder, ...more }),
      timeoutMs,
      parallel: 1,
      quarantine: { after, probeMs: 60_000 },
      timing: systemTiming,
      random: () => 0,
    });
    return bus;
  };

  it('a dead unit costs three timeouts and is then left alone', async () => {
    const line = simulatedLine([1, 2].map(unit => [unit, (_, address) => address] as const));
    const asked: number[] = [];
    line.misbehave = ({ unit }) => {
      asked.push(unit);
      return unit === 2 ? { kind: 'silence' } : undefined;
    };
    const line1 = open(line, 250);
    for (let n = 0; n < 6; n++) {
      await faultOf(line1.read(read(2, n)));
      assert.deepEqual(await line1.read(read(1, n)), right(n));
    }
    assert.equal(asked.filter(unit => unit === 2).length, 3);
    assert.deepEqual(line1.quarantined, [2]);
    assert.equal(line1.losses, 0, 'a silent unit is no reason to open the port anew');
    line.stop();
  });

  it('waits longer for a unit that is slow, once it has heard how slow', async () => {
    const line = simulatedLine([[1, (_, address) => address]]);
    line.misbehave = () => ({ kind: 'slow', ms: 160 });
    const slow = open({ ...line, drainMs: 300 }, 120);
    assert.equal((await faultOf(slow.read(read(1)))).trouble, 'timeout');
    for (let n = 0; n < 4; n++) assert.deepEqual(await slow.read(read(1, n)), right(n));
    line.stop();
  });

  it('says that serial ports are not available where the library is missing, and goes on asking', async () => {
    let tries = 0;
    const missing = open({
      path: '/dev/none',
      makePort: () => {
        tries++;
        return Promise.reject(new Error("Cannot find package 'serialport'"));
      },
    });
    const fault = await faultOf(missing.read(read(1)));
    assert.equal(fault.trouble, 'unavailable');
    assert.equal(fault.message, "serial ports: Cannot find package 'serialport'");
    assert.match(fault.advice, /install the package serialport/);
    await until(() => tries >= 2);
  });

  it('says why a port cannot be opened', async () => {
    const fault = await faultOf(open({ path: path.join(folder, 'none') }).read(read(1)));
    assert.equal(fault.trouble, 'link');
    assert.match(fault.message, /none: .*No such file/);
  });

  it('finds an adapter by its stable name, whatever number it has', () => {
    const devices = path.join(folder, 'dev');
    const byId = path.join(folder, 'by-id');
    mkdirSync(devices);
    mkdirSync(byId);
    for (const tty of ['ttyUSB0', 'ttyUSB1']) writeFileSync(path.join(devices, tty), '');
    symlinkSync('../dev/ttyUSB1', path.join(byId, 'usb-FTDI_A1'));
    assert.equal(stablePath(path.join(devices, 'ttyUSB1'), byId), path.join(byId, 'usb-FTDI_A1'));
    assert.equal(stablePath(path.join(devices, 'ttyUSB0'), byId), path.join(devices, 'ttyUSB0'));
    assert.equal(stablePath(path.join(byId, 'usb-FTDI_A1'), byId), path.join(byId, 'usb-FTDI_A1'));
    assert.equal(stablePath('/dev/ttyUSB9', path.join(folder, 'none')), '/dev/ttyUSB9');
  });

  it('reads on a pseudo terminal with the real add-on, and again after it went and came under another number', async function () {
    const link = path.join(folder, 'usb-adapter');
    const plug = () => terminal(link);
    let device = await plug();
    if (device === undefined) return this.skip();
    const real = open({ path: device.name }, 500);
    assert.deepEqual(await real.read(read(1, 5)), right(5));
    const before = device.name;
    device.unplug();
    await once(device.child, 'exit');
    device = await plug();
    for (let tries = 0; tries < 200; tries++) {
      const got = await real.read(read(1, 7)).catch((fault: unknown) => fault);
      if (got instanceof Uint8Array) {
        assert.deepEqual(got, right(7));
        device?.unplug();
        return;
      }
      await new Promise(resolve => setTimeout(resolve, 50));
    }
    assert.fail(`did not come back (${before}, then ${device?.name})`);
  });
});

/** A pseudo terminal with one unit behind it, and a stable name that leads to it; undefined where this machine cannot make one. */
async function terminal(link: string) {
  const child = spawn('python3', ['-c', unitInPython, link], { stdio: ['pipe', 'pipe', 'ignore'] });
  const name = await new Promise<string | undefined>(resolve => {
    child.once('error', () => resolve(undefined));
    child.once('exit', () => resolve(undefined));
    child.stdout.once('data', (line: Buffer) => resolve(line.toString().trim()));
  });
  return name === undefined ? undefined : { name, child, unplug: () => child.stdin.end() };
}

/** Answers reads of two registers with their addresses, until its input ends. */
const unitInPython = `
import os, pty, select, sys, tty
master, slave = pty.openpty()
tty.setraw(slave)
name = os.ttyname(slave)
if os.path.lexists(sys.argv[1]): os.unlink(sys.argv[1])
os.symlink(name, sys.argv[1])
print(name, flush=True)
def crc(data):
    value = 0xffff
    for byte in data:
        value ^= byte
        for _ in range(8): value = (value >> 1) ^ 0xa001 if value & 1 else value >> 1
    return bytes([value & 255, value >> 8])
received = b''
while True:
    ready, _, _ = select.select([master, sys.stdin], [], [])
    if sys.stdin in ready: break
    received += os.read(master, 256)
    if len(received) >= 8:
        request, received = received[:8], received[8:]
        address = request[3]
        frame = bytes([request[0], request[1], 4, 0, address, 0, address + 1])
        os.write(master, frame + crc(frame))
`;

describe('patience', () => {
  it('grows at once for late answers, at most fourfold, and shrinks where others wait', () => {
    const own = patienceOf(100, true);
    own.heard(150, true);
    assert.equal(own.ms, 400);
    for (let n = 0; n < 31; n++) own.heard(5, false);
    assert.equal(own.ms, 400, 'the late one is remembered');
    own.heard(5, false);
    assert.equal(own.ms, 25);
    const alone = patienceOf(100, false);
    for (let n = 0; n < 40; n++) alone.heard(5, false);
    assert.equal(alone.ms, 100);
  });
});

describe('serial format', () => {
  it('gives the times of the standard', () => {
    const line = { baudRate: 9600, dataBits: 8, parity: 'none', stopBits: 1 } as const;
    assert.equal(charMsOf(line).toFixed(3), '1.042');
    assert.equal(charMsOf({ ...line, parity: 'even' }).toFixed(3), '1.146');
    assert.equal(pauseOf(line).toFixed(2), '3.65');
    assert.equal(pauseOf({ ...line, baudRate: 38_400 }), 1.75);
    assert.equal(formatName({ ...line, parity: 'even' }), '9600 8E1');
  });
});
