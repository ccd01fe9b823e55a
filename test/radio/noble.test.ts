// The real noble against an emulated controller: what it hears, how it connects, and how it comes back from every fault.
import assert from 'node:assert/strict';
import { adStructures } from '../../sim/controller/air.ts';
import { distoMeter } from '../../sim/controller/meters.ts';
import { COMMAND } from '../../src/radio/hci.ts';
import { faults } from './faults.ts';
import { nobleIsHere, withNoble } from './noble-here.ts';
import { METER, patientTimes, SENSOR, type World, world } from './world.ts';
import { until } from '../support/until.ts';

const unknownAdvert = (address: string) => ({
  address,
  random: true,
  data: adStructures([0xff, Buffer.from('ffff01', 'hex')]),
  scanResponse: undefined,
  connectable: false,
  extended: false,
  rssi: -70,
});

const suite = nobleIsHere ? describe : describe.skip;
let scene: World;

suite(withNoble('noble: adverts'), () => {
  afterEach(() => scene.close());

  for (const extended of [false, true]) {
    const kind = extended ? 'extended' : 'legacy';
    it(`${kind}: listens, and asks for nothing`, async () => {
      scene = await world({ times: patientTimes, extended });
      await until(() => scene.adverts.filter(({ address }) => address === SENSOR).length > 5);
      assert.equal(scene.controller.scanning, 'passive');
      for (const { receivedAt: _at, ...advert } of scene.adverts.filter(({ address }) => address === SENSOR))
        assert.deepEqual(advert, { address: SENSOR, rssi: -60, service_data: { fcd2: '4002ca09' } });
    });

    it(`${kind}: asks for scan responses where it is told to; advert and response stay apart`, async () => {
      scene = await world({ times: patientTimes, extended, active: true });
      const own = () => scene.adverts.filter(({ address }) => address === SENSOR);
      await until(() => own().length > 5);
      const forms = new Set(own().map(({ name, service_data: data }) => JSON.stringify([name, data])));
      assert.deepEqual(forms, new Set(['["attic",null]', '[null,{"fcd2":"4002ca09"}]']));
    });
  }

  it('hears long extended adverts whole', async () => {
    scene = await world({ times: patientTimes, extended: true });
    const value = Buffer.alloc(240, 0xab);
    scene.controller.air.add({
      address: 'C0:00:00:00:00:01',
      random: true,
      extended: true,
      everyMs: 20,
      data: adStructures([0x16, Buffer.concat([Buffer.from('d2fc', 'hex'), value])], [0x09, Buffer.from('long')]),
    });
    const long = () => scene.adverts.find(({ address }) => address === 'C0:00:00:00:00:01');
    await until(() => long() !== undefined);
    const { name, service_data: data } = long()!;
    assert.deepEqual([name, data], ['long', { fcd2: value.toString('hex') }]);
  });

  for (const coded of [false, true])
    it(`hears the long range ${coded ? 'where the controller knows it, passively' : 'nowhere else'}, and who advertises periodically`, async () => {
      scene = await world({ times: patientTimes, extended: true, coded });
      const data = adStructures([0x16, Buffer.from('d2fc4002ca09', 'hex')]);
      const own = { random: true, extended: true, everyMs: 20, data };
      scene.controller.air.add({ ...own, address: 'C0:00:00:00:00:03', coded: true });
      scene.controller.air.add({ ...own, address: 'C0:00:00:00:00:04', periodicMs: 100 });
      const from = (address: string) => scene.adverts.filter(advert => advert.address === address);
      await until(() => from('C0:00:00:00:00:04').length > 5);
      if (coded) await until(() => from('C0:00:00:00:00:03').length > 5);
      assert.equal(from('C0:00:00:00:00:03').length > 0, coded);
      assert.deepEqual(from('C0:00:00:00:00:04')[0]?.['service_data'], { fcd2: '4002ca09' });
      assert.equal(scene.controller.scanning, 'passive');
      await scene.measured();
    });

  for (const extended of [false, true])
    it(`follows addresses that rotate, ${extended ? 'extended' : 'legacy'}, with their scan responses`, async () => {
      scene = await world({ times: patientTimes, extended, active: true });
      scene.controller.air.add({
        address: 'C0:00:00:00:00:02',
        rotateEvery: 2,
        everyMs: 20,
        data: adStructures([0xff, Buffer.from('ffff5301', 'hex')]),
        scanResponse: adStructures([0x09, Buffer.from('rotating')]),
      });
      const rotating = () =>
        scene.adverts.filter(({ name, manufacturer_data: data }) => name === 'rotating' || data !== undefined);
      const addresses = () => [...new Set(rotating().map(({ address }) => address))];
      await until(() => addresses().length > 4);
      // Resolvable private addresses: the highest bits are 01.
      for (const address of addresses()) assert.match(address, /^[4-7][0-9A-F](:[0-9A-F]{2}){5}$/);
      const [first] = addresses();
      const forms = rotating().flatMap(({ address, name }) => (address === first ? [name ?? 'data'] : []));
      assert.deepEqual(new Set(forms), new Set(['data', 'rotating']));
    });

  it('hands every advert over, however many addresses there are', async () => {
    scene = await world({ times: patientTimes });
    // While the meter is being connected to, nobody listens.
    await scene.measured();
    await scene.heard();
    const data = adStructures([0x16, Buffer.from('d2fc4002ca09', 'hex')]);
    const address = (n: number) => `D0:00:00:00:${n.toString(16).padStart(4, '0').replace(/^../, '$&:')}`.toUpperCase();
    for (let n = 0; n < 3000; n++) scene.controller.air.send({ ...unknownAdvert(address(n)), data });
    const heard = () => new Set(scene.adverts.map(advert => advert.address).filter(text => text.startsWith('D0:')));
    await until(() => heard().size === 3000);
    assert.equal(scene.adverts.filter(advert => advert.address.startsWith('D0:')).length, 3000);
  });

  it('hands over all that was reported before its end', async () => {
    scene = await world({ times: patientTimes });
    await Promise.all([scene.measured(), scene.heard()]);
    const { air } = scene.controller;
    const sending = setInterval(() => {
      for (let n = 0; n < 20; n++) air.send(unknownAdvert(`D1:00:00:00:00:${String(n + 10)}`));
    }, 1);
    const heard: string[] = [];
    const stop = scene.radio.scan(({ address }) => heard.push(address));
    await until(() => heard.length > 500);
    await Promise.all([stop(), scene.stop()]);
    clearInterval(sending);
    assert.equal(scene.adverts.length, scene.controller.reported);
    assert.equal(scene.controller.scanning, 'off');
  });

  it('counts what it cannot read, and says it once', async () => {
    scene = await world({ times: patientTimes });
    await scene.heard();
    const lost: [count: number, why: string][] = [];
    const faults: string[] = [];
    scene.radio.onLost((count, _reason, why) => lost.push([count, why]));
    scene.radio.onFault(reason => faults.push(reason));
    for (const hex of ['043e0c0201000006050403020120ff', '043e050201000106'])
      scene.controller.faults.inject(Buffer.from(hex, 'hex'));
    await until(() => lost.reduce((sum, [count]) => sum + count, 0) === 2);
    assert.ok(lost.every(([, why]) => why === 'damaged'));
    assert.deepEqual(faults, ['advert: an advertising report is shorter than it says']);
  });

  it('scans as long as one user wants to', async () => {
    scene = await world({ times: patientTimes });
    await scene.measured();
    const stop = scene.radio.scan(() => {});
    stop();
    await scene.heard();
  });
});

suite(withNoble('noble: links'), () => {
  afterEach(() => scene.close());

  for (const extended of [false, true])
    it(`measures while it goes on listening, ${extended ? 'extended' : 'legacy'}`, async () => {
      scene = await world({ times: patientTimes, extended });
      await scene.measured();
      await scene.heard();
      assert.deepEqual(scene.links, ['up: connected']);
      assert.equal(scene.frames[0], 'c0550201001a');
      assert.deepEqual(scene.meter.written, ['c0550201001a']);
    });

  it('reads, and tells the signal strength; a random address connects as well', async () => {
    scene = await world({ times: patientTimes });
    const disto = distoMeter({ address: 'C4:00:00:00:00:0F', random: true, battery: 61, firmware: '2.1' });
    scene.controller.air.add(disto.advertiser);
    const link = await scene.radio.connect('c4:00:00:00:00:0f');
    assert.deepEqual([...(await link.read('180f', '2a19'))], [61]);
    const firmware = await link.read('0000180a-0000-1000-8000-00805f9b34fb', '00002a26-0000-1000-8000-00805f9b34fb');
    assert.equal(Buffer.from(firmware).toString(), '2.1');
    const frames: string[] = [];
    await link.subscribe('3ab10100-f831-4395-b29d-570977d5bf94', '3ab10101-f831-4395-b29d-570977d5bf94', bytes =>
      frames.push(Buffer.from(bytes).toString('hex')),
    );
    disto.measure(2.5);
    await until(() => frames.length > 0 && link.rssi !== undefined);
    assert.deepEqual([frames, link.rssi], [['00002040'], -56]);
    await assert.rejects(link.read('180f', '2a00'), /characteristic: expected 2a00, got "?2a19/);
    await assert.rejects(link.read('1234', '2a00'), /service: expected 1234/);
    await link.disconnect();
    assert.equal(await link.ended, 'disconnected');
    await assert.rejects(link.read('180f', '2a19'), /the link has ended/);
  });

  it('has one link to a device, and gives up waiting when nobody waits', async () => {
    scene = await world({ times: patientTimes });
    await scene.measured();
    await assert.rejects(scene.radio.connect(METER), /has a link already/);
    const nobody = new AbortController();
    const waiting = scene.radio.connect('00:00:00:00:00:09', nobody.signal);
    nobody.abort();
    await assert.rejects(waiting, /nobody waits/);
  });
});

const harmless: [name: string, hex: string][] = [
  ['an empty command complete', '040e00'],
  ['an empty LE meta event', '043e00'],
  ['a command complete without status', '040e03010c20'],
  ['an advert report without adverts', '043e0202ff'],
  ['an advert report that lies', '043e0c0201000006050403020120ff'],
  ['an extended report that lies', '043e050d01000000'],
  ['an answer to nothing', '040e0401ffff00'],
  ['a connection nobody made', '043e13010099000000060504030201180000002a0000'],
  ['the end of a link nobody had', '04050400990008'],
  ['ACL data of no link', '0299200900050004001b0300aabb'],
  ['ACL data that is cut', '0240200300010203'],
  ['an event of the vendor', '04ff03010203'],
];

suite(withNoble('noble: a process that hangs before its first word'), () => {
  afterEach(() => scene.close());

  it('is given up after twice the usual time', async () => {
    scene = await world();
    process.kill(scene.radio.pid!, 'SIGSTOP');
    await Promise.all([scene.measured(), scene.heard()]);
    const off = scene.states.find(({ state }) => state === 'off');
    assert.match(off?.reason ?? '', /it hung for 2\.4 s/);
  });
});

suite(withNoble('noble: faults'), () => {
  before(async () => {
    scene = await world();
    await Promise.all([scene.measured(), scene.heard()]);
  });
  after(() => scene.close());

  for (const [name, strike] of faults)
    it(`comes back from ${name}`, async () => {
      await strike(scene);
      // What was still on its way does not count.
      await new Promise(resolve => setTimeout(resolve, 60));
      await Promise.all([scene.measured(), scene.heard()]);
      await until(() => scene.controller.scanning === 'passive');
    });

  for (const signal of ['SIGKILL', 'SIGSEGV', 'SIGSTOP'] as const)
    it(`starts its process again after ${signal}`, async () => {
      const before = scene.states.length;
      process.kill(scene.radio.pid!, signal);
      // What was still on its way does not count.
      await until(() => scene.states.length > before);
      await Promise.all([scene.measured(), scene.heard()]);
      const states = scene.states.slice(before).map(({ state }) => state);
      assert.deepEqual([states[0], states.at(-1)], ['off', 'on']);
    });
});

suite(withNoble('noble: what is no fault'), () => {
  before(async () => {
    scene = await world({ times: patientTimes });
    await Promise.all([scene.measured(), scene.heard()]);
  });
  after(() => scene.close());

  for (const [name, hex] of harmless)
    it(`takes no notice of ${name}`, async () => {
      const {
        commands,
        faults: { inject },
      } = scene.controller;
      const before = [scene.links.length, commands.get(COMMAND.reset)];
      inject(Buffer.from(hex, 'hex'));
      await Promise.all([scene.measured(), scene.heard()]);
      assert.deepEqual([scene.links.length, commands.get(COMMAND.reset)], before);
    });

  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    it(`takes no notice of ${signal}, which is for the parent`, async () => {
      const { pid } = scene.radio;
      process.kill(pid!, signal);
      await Promise.all([scene.measured(), scene.heard()]);
      assert.equal(scene.radio.pid, pid);
    });
});
