// The bus against real sockets: a silent unit delays nobody, a lost link costs nothing that can be read again, nothing hangs.
import assert from 'node:assert/strict';
import { type Bus, type BusOptions, openBus } from './bus.ts';
import type { LinkState } from './link-keeper.ts';
import { ModbusFault } from './fault.ts';
import { faultOf } from './fault.fixture.ts';
import type { Connect, Link, ReadRequest } from './link.ts';
import { type Simulator, startSimulator } from './simulator.ts';
import { tcpConnector } from './tcp.ts';
import { fakeTiming } from './timing.fixture.ts';
import { systemTiming } from './timing.ts';
import { until } from '../../test/support/until.ts';

/** Long enough for a busy machine, and for the few tests that wait for it. */
const PATIENT_MS = 10_000;
const SHORT_MS = 200;
const read = (unit: number, address = 0): ReadRequest => ({ unit, table: 'holding', address, count: 2 });
const right = (address: number) =>
  new Uint8Array([address >> 8, address & 255, (address + 1) >> 8, (address + 1) & 255]);

describe('bus', () => {
  let simulator: Simulator;
  let bus: Bus;
  const open = (more: Partial<BusOptions> = {}, port = simulator.port) =>
    openBus({
      name: 'b',
      connect: tcpConnector({ host: '127.0.0.1', port, connectTimeoutMs: 5000 }),
      timeoutMs: PATIENT_MS,
      parallel: 4,
      quarantine: { after: 3, probeMs: 60_000 },
      timing: systemTiming,
      random: () => 0,
      ...more,
    });

  const untilIt = (is: LinkState) =>
    until(
      () => bus.state === is,
      () => bus.state,
    );

  const reopen = async (more: Partial<BusOptions>) => {
    await bus.close();
    bus = open(more);
  };

  beforeEach(async () => {
    simulator = await startSimulator({ units: [1, 2, 3, 9].map(unit => [unit, (_, address) => address] as const) });
    bus = open();
  });
  afterEach(async () => {
    await bus.close();
    await simulator.close();
  });

  it('reads, from before the link is up', async () => {
    assert.equal(bus.state, 'connecting');
    assert.deepEqual(await bus.read(read(1, 77)), right(77));
    assert.equal(bus.state, 'up');
    assert.equal(bus.reason, '');
  });

  it('has at most one request of a unit out, and at most as many as it may have in all', async () => {
    const out = new Map<number, number>();
    let most = 0;
    await reopen({
      parallel: 2,
      connect: watching(bus_ => {
        out.set(bus_.unit, (out.get(bus_.unit) ?? 0) + bus_.by);
        most = Math.max(
          most,
          [...out.values()].reduce((a, b) => a + b, 0),
        );
        assert.ok((out.get(bus_.unit) ?? 0) <= 1);
      }),
    });
    await Promise.all([0, 1, 2, 3].map(n => bus.read(read(1, n))));
    assert.equal(most, 1, 'a unit alone');
    const calls = [1, 2, 3].flatMap(unit => [0, 1, 2, 3, 4].map(n => bus.read(read(unit, n))));
    assert.equal(bus.depth, 15);
    await Promise.all(calls);
    assert.equal(most, 2);
    assert.equal(bus.depth, 0);
  });

  /** The real connector, with each request seen as it goes out (by 1) and comes back (by -1). */
  const watching =
    (see: (event: { unit: number; by: 1 | -1 }) => void): Connect =>
    async signal => {
      const link = await tcpConnector({ host: '127.0.0.1', port: simulator.port, connectTimeoutMs: 5000 })(signal);
      const watched: Link = {
        ended: link.ended,
        end: link.end,
        get alive() {
          return link.alive;
        },
        ask(request, timeoutMs, asking) {
          see({ unit: request.unit, by: 1 });
          return link.ask(request, timeoutMs, asking).finally(() => see({ unit: request.unit, by: -1 }));
        },
      };
      return watched;
    };

  it('asks the units in turn, however much is wanted of one', async () => {
    await reopen({ parallel: 1 });
    const order: string[] = [];
    const ask = (unit: number, address: number) =>
      bus.read(read(unit, address)).then(() => order.push(`${unit}/${address}`));
    await Promise.all([ask(1, 0), ask(1, 1), ask(1, 2), ask(2, 0)]);
    assert.deepEqual(order, ['1/0', '2/0', '1/1', '1/2']);
  });

  it('a silent unit delays nobody', async () => {
    await reopen({ timeoutMs: 60_000 });
    simulator.misbehave = request => (request.unit === 9 ? { kind: 'silence' } : undefined);
    const silent = faultOf(bus.read(read(9)));
    for (let n = 0; n < 30; n++) assert.deepEqual(await bus.read(read(1 + (n % 3), n)), right(n));
    await bus.close();
    assert.equal((await silent).trouble, 'link', 'it was waiting all the time');
  });

  it('units that do not answer never take the last place on the line', async () => {
    await bus.close();
    const dead = new Promise<never>(() => {});
    const { promise: ended, resolve: sayEnded } = Promise.withResolvers<string>();
    const link: Link = {
      alive: true,
      ended,
      end: sayEnded,
      ask: ({ unit }) => (unit === 1 ? Promise.resolve(right(0)) : dead),
    };
    bus = open({ parallel: 2, connect: () => Promise.resolve(link) });
    await bus.read(read(1));
    for (const unit of [2, 3, 9]) bus.read(read(unit)).catch(() => {});
    for (let n = 0; n < 20; n++) assert.deepEqual(await bus.read(read(1)), right(0));
  });

  it('a timeout takes only its own request', async () => {
    await reopen({ timeoutMs: SHORT_MS });
    simulator.misbehave = request => (request.unit === 9 && request.address === 5 ? { kind: 'silence' } : undefined);
    const results = await Promise.allSettled([4, 5, 6].map(address => bus.read(read(9, address))));
    assert.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    );
  });

  it('puts a silent unit in quarantine, refuses at once, and probes it', async () => {
    const timing = fakeTiming();
    // Only the quarantine's clock is fake here; timeouts and sockets are real.
    await reopen({ timeoutMs: SHORT_MS, timing: { clock: timing.clock, after: systemTiming.after } });
    let asked = 0;
    simulator.misbehave = request => {
      if (request.unit !== 9) return undefined;
      asked++;
      return { kind: 'silence' };
    };
    for (let n = 0; n < 3; n++) {
      assert.equal((await faultOf(bus.read(read(9)))).trouble, 'timeout');
      await bus.read(read(1));
    }
    assert.deepEqual(bus.quarantined, [9]);
    const refused = await faultOf(bus.read(read(9)));
    assert.equal(refused.trouble, 'quarantine');
    assert.match(refused.message, /unit 9 failed 3 times \(no answer\); next try in 60 s/);
    assert.equal(asked, 3);
    timing.clock.advance(60_000);
    assert.equal((await faultOf(bus.read(read(9)))).trouble, 'timeout', 'the probe goes out');
    assert.equal((await faultOf(bus.read(read(9)))).trouble, 'quarantine', 'only one');
    timing.clock.advance(60_000);
    simulator.misbehave = () => undefined;
    assert.deepEqual(await bus.read(read(9, 3)), right(3));
    assert.deepEqual(await bus.read(read(9, 4)), right(4), 'the first answer ends the quarantine');
    assert.deepEqual(bus.quarantined, []);
  });

  it('a unit that stays silent over a new link does not cost the others theirs again', async () => {
    await reopen({ quarantine: { after: 1000, probeMs: 1 }, timeoutMs: 50 });
    simulator.misbehave = ({ unit }) => (unit === 9 ? { kind: 'silence' } : undefined);
    await bus.read(read(1));
    for (let n = 0; n < 10; n++) assert.equal((await faultOf(bus.read(read(9)))).trouble, 'timeout');
    assert.equal(bus.losses, 1, 'two missing answers in a row are one new link');
  });

  it('a gateway that cannot reach a unit leads to quarantine, other exceptions do not; the link stays', async () => {
    simulator.misbehave = ({ unit }) => ({ kind: 'exception', code: unit === 9 ? 11 : 6 });
    for (let n = 0; n < 5; n++) await faultOf(bus.read(read(1)));
    for (let n = 0; n < 3; n++) assert.equal((await faultOf(bus.read(read(9)))).exception, 11);
    assert.deepEqual(bus.quarantined, [9]);
    assert.equal(simulator.accepted, 1);
  });

  it('reads again what was out when the link was lost', async () => {
    let cut = false;
    simulator.misbehave = () => {
      if (cut) return undefined;
      cut = true;
      return { kind: 'reset' };
    };
    const answers = await Promise.all([1, 2, 3].map(unit => bus.read(read(unit, unit * 10))));
    assert.deepEqual(answers, [right(10), right(20), right(30)]);
    assert.equal(simulator.accepted, 2);
    assert.equal(bus.losses, 1);
  });

  it('reads on after two silent answers on a stream that lost its framing', async () => {
    await reopen({ timeoutMs: SHORT_MS });
    let broken = true;
    simulator.misbehave = () => (broken ? { kind: 'length', value: 200 } : undefined);
    await faultOf(bus.read(read(1)));
    await faultOf(bus.read(read(1)));
    broken = false;
    assert.deepEqual(await bus.read(read(1, 9)), right(9));
    assert.equal(simulator.accepted, 2);
  });

  it('a request whose link is lost twice fails, and nobody waits for ever', async () => {
    simulator.misbehave = () => ({ kind: 'reset' });
    const fault = await faultOf(bus.read(read(1)));
    assert.equal(fault.trouble, 'link');
    assert.match(fault.message, /connection lost/);
  });

  it('comes back by itself after the device was away, a hundred times', async () => {
    for (let n = 0; n < 100; n++) {
      assert.deepEqual(await bus.read(read(1, n)), right(n));
      simulator.cut();
    }
    assert.ok(simulator.connections <= 1);
  });

  it('refuses at once, with the reason, while the device is away, and comes back when it is there', async () => {
    const { port } = simulator;
    await bus.read(read(1));
    await simulator.close();
    await untilIt('away');
    const fault = await faultOf(bus.read(read(1)));
    assert.equal(fault.trouble, 'link');
    assert.match(fault.message, /ECONNREFUSED/);
    simulator = await startSimulator({ port, units: [[1, (_, address) => address]] });
    await untilIt('up');
    assert.deepEqual(await bus.read(read(1, 4)), right(4));
  });

  it('is bounded: a unit takes no more than 64 requests', async () => {
    simulator.misbehave = () => ({ kind: 'slow', ms: 5 });
    const results = await Promise.allSettled(Array.from({ length: 100 }, () => bus.read(read(1))));
    const busy = results.filter(result => result.status === 'rejected' && result.reason.trouble === 'busy');
    assert.equal(busy.length, 36);
    assert.ok(results.every(result => result.status === 'fulfilled' || result.reason.trouble === 'busy'));
  });

  it('closes at any moment, and everything that waits is told', async () => {
    await reopen({ timeoutMs: SHORT_MS });
    simulator.misbehave = () => ({ kind: 'silence' });
    await faultOf(bus.read(read(2)));
    const calls = [1, 1, 2, 3].map(unit => faultOf(bus.read(read(unit))));
    await bus.close();
    for (const fault of await Promise.all(calls)) assert.equal(fault.trouble, 'link');
    assert.equal((await faultOf(bus.read(read(1)))).trouble, 'link');
    await bus.close();
  });

  it('closes while it connects', async () => {
    const connecting = open({
      connect: signal =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(new ModbusFault('link', 'given up')))),
    });
    const call = faultOf(connecting.read(read(1)));
    await connecting.close();
    assert.equal((await call).trouble, 'link');
  });

  it('ends a link that comes when it is closed already', async () => {
    const { promise: ended, resolve: sayEnded } = Promise.withResolvers<string>();
    const late: Link = { alive: true, ended, end: sayEnded, ask: () => Promise.reject(new Error('never')) };
    let arrive: (link: Link) => void = () => {};
    const connecting = open({ connect: () => new Promise(resolve => (arrive = resolve)) });
    const closed = connecting.close();
    arrive(late);
    await closed;
    assert.equal(await ended, 'closed');
  });
});
