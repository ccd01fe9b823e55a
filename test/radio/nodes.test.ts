// ble-scan and ble-gatt in real Node-RED with the real noble, on one emulated controller.
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type AddressInfo, createServer } from 'node:net';
import bleGattNode from '../../nodes/ble-gatt/ble-gatt.ts';
import bleScanNode from '../../nodes/ble-scan/ble-scan.ts';
import { adStructures } from '../../sim/controller/air.ts';
import { type EmulatedController, emulatedController } from '../../sim/controller/controller.ts';
import { glmMeter, type Meter } from '../../sim/controller/meters.ts';
import { toHex } from '../../src/kernel/bytes.ts';
import { isRaw, type Raw } from '../../src/reading/raw.ts';
import { type TestRuntime, testRuntime } from '../support/node-red.ts';
import { nobleIsHere, withNoble } from './noble-here.ts';
import { until } from '../support/until.ts';

const METER = '00:13:43:A1:B2:C3';

describe('Bluetooth nodes without a radio', () => {
  let runtime: TestRuntime;
  before(async () => {
    runtime = await testRuntime();
    runtime.register(bleScanNode, bleGattNode);
  });
  it('say that there is none', async function () {
    if (existsSync('/sys/class/bluetooth')) this.skip();
    await runtime.deploy([
      { id: 'scan', type: 'fieldline-ble-scan', adapter: 'hci0', wires: [[]] },
      { id: 'gatt', type: 'fieldline-ble-gatt', adapter: 'hci0', wires: [[], []] },
    ]);
    const { fill } = await runtime.untilStatus('scan', /unsupported: this machine has no Bluetooth/);
    assert.equal(fill, 'red');
    const away = /not connected, trying again: unsupported: this machine has no Bluetooth/;
    assert.equal((await runtime.untilStatus('gatt', away)).fill, 'red');
    await runtime.deploy([]);
  });

  it('log once that it is gone, however often they try', async function () {
    if (!nobleIsHere) this.skip();
    let tries = 0;
    const server = createServer(socket => {
      tries++;
      socket.destroy();
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const { log } = createRequire(import.meta.url)('@node-red/util');
    const lines: { msg: string; level: number }[] = [];
    const handler = new EventEmitter().on('log', line => lines.push(line));
    log.addHandler(handler);
    try {
      const adapter = `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
      await runtime.deploy([{ id: 'scan', type: 'fieldline-ble-scan', adapter, wires: [[]] }]);
      await until(() => tries >= 3);
      const off = lines.filter(({ msg }) => /^radio off: controller at/.test(msg));
      assert.deepEqual([off.length, off[0]?.level], [1, log.WARN]);
    } finally {
      log.removeHandler(handler);
      await runtime.deploy([]);
      await new Promise(resolve => server.close(resolve));
    }
  });
});

(nobleIsHere ? describe : describe.skip)(withNoble('Bluetooth nodes on a controller'), () => {
  let runtime: TestRuntime;
  let controller: EmulatedController;
  let meter: Meter;
  before(async () => {
    runtime = await testRuntime();
    runtime.register(bleScanNode, bleGattNode);
    controller = await emulatedController();
    const data = adStructures([0x16, Buffer.from('d2fc4002ca09', 'hex')]);
    controller.air.add({
      address: 'AA:BB:CC:DD:EE:01',
      everyMs: 50,
      data,
      scanResponse: adStructures([0x09, Buffer.from('attic')]),
    });
    meter = glmMeter({ address: METER, battery: 77, firmware: '4.5' });
    controller.air.add(meter.advertiser);
  });
  after(async () => {
    await runtime.deploy([]);
    await controller.close();
  });

  const flow = (mode: string) => {
    const adapter = `tcp://127.0.0.1:${controller.port}`;
    return [
      { id: 'scan', type: 'fieldline-ble-scan', adapter, scanner: 'van', mode, wires: [['adverts']] },
      {
        id: 'gatt',
        type: 'fieldline-ble-gatt',
        adapter,
        scanner: 'van',
        wires: [['frames'], ['status']],
        statusSeconds: 1,
      },
      { id: 'adverts', type: 'test-sink' },
      { id: 'frames', type: 'test-sink' },
      { id: 'status', type: 'test-sink' },
    ];
  };

  it('scan and measure at the same time, with the whole status of the meter', async () => {
    await runtime.deploy(flow('passive'));
    await runtime.untilStatus('gatt', /^connected/);
    const measuring = setInterval(() => meter.measure(2.45), 50);
    try {
      await runtime.until('frames', 2);
      await runtime.until('adverts', 5);
      const whole = (payload: unknown): boolean => {
        const { rssi, last_measurement: last } = payload as Record<string, unknown>;
        return rssi !== undefined && last !== undefined;
      };
      for (let count = 1; !runtime.received('status').some(({ payload }) => whole(payload)); count++)
        await runtime.until('status', count);
    } finally {
      clearInterval(measuring);
    }
    const [ack, frame] = runtime.received('frames').map(({ payload }) => payload as Raw);
    assert.ok(isRaw(ack) && isRaw(frame));
    assert.equal(toHex(ack.bytes), 'c0550201001a');
    assert.match(toHex(frame.bytes), /^c0551006/);
    const status = runtime.received('status').at(-1)?.payload as Record<string, unknown>;
    const { firmware, battery_estimate: battery, connected, rssi } = status;
    assert.deepEqual([firmware, battery, connected, rssi], ['4.5', 77, true, -56]);
    assert.equal(controller.scanning, 'passive');
  });

  it('lose no advert to a deploy', async () => {
    const adapter = `tcp://127.0.0.1:${controller.port}`;
    const numbers = new Set<number>();
    runtime.onSink('all', ({ payload }, _send, done) => {
      const { manufacturer_data: data } = JSON.parse(Buffer.from((payload as Raw).bytes).toString());
      if (data?.ffff !== undefined) numbers.add(Buffer.from(data.ffff, 'hex').readUInt32LE());
      done();
    });
    const scanning = (silenceSeconds: number) => [
      { id: 'scan', type: 'fieldline-ble-scan', adapter, silenceSeconds, wires: [['all']] },
      { id: 'all', type: 'test-sink' },
    ];
    await runtime.deploy(scanning(60));
    await runtime.until('all', 1);
    const reported = new Set<number>();
    let number = 0;
    const sending = setInterval(() => {
      for (let n = 0; n < 10; n++) {
        const bytes = Buffer.alloc(6, 0xff);
        bytes.writeUInt32LE(++number, 2);
        const before = controller.reported;
        const plain = { random: true, scanResponse: undefined, connectable: false, extended: false, rssi: -50 };
        controller.air.send({ ...plain, address: 'D2:00:00:00:00:01', data: adStructures([0xff, bytes]) });
        if (controller.reported > before) reported.add(number);
      }
    }, 2);
    for (let deploys = 1; deploys <= 4; deploys++) {
      const seen = numbers.size;
      await until(() => numbers.size >= seen + 200);
      await runtime.deploy(scanning(60 + deploys));
    }
    clearInterval(sending);
    await until(() => numbers.size >= reported.size);
    assert.deepEqual(numbers, reported);
  });

  it('scan actively where they are told to', async () => {
    await runtime.deploy(flow('active'));
    const names = () =>
      runtime.received('adverts').map(({ payload }) => JSON.parse(Buffer.from((payload as Raw).bytes).toString()).name);
    for (let count = 1; !names().includes('attic'); count++) await runtime.until('adverts', count);
    assert.equal(controller.scanning, 'active');
  });
});
