// The TCP transport against a server that misbehaves byte by byte: never a wrong value, never a hang, always told why.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { faultOf } from './fault.fixture.ts';
import type { Link, ReadRequest } from './link.ts';
import type { Misbehaviour } from './misbehaviour.ts';
import { type Simulator, startSimulator } from './simulator.ts';
import { type TcpOptions, tcpConnector } from './tcp.ts';

const TIMEOUT_MS = 120;
/** For answers that come: a busy machine may hold the process up. */
const PATIENT_MS = 10_000;
const read = (address: number, more: Partial<ReadRequest> = {}): ReadRequest => ({
  unit: 1,
  table: 'holding',
  address,
  count: 4,
  ...more,
});
/** The register at an address holds that address plus one: any shifted answer shows. */
const words = (address: number, count = 4) => Array.from({ length: count }, (_, at) => address + at + 1);
const wordsOf = (bytes: Uint8Array) =>
  Array.from({ length: bytes.length / 2 }, (_, at) => Buffer.from(bytes).readUInt16BE(at * 2));

describe('Modbus TCP', () => {
  let simulator: Simulator;
  let link: Link;
  const connect = (more: Partial<TcpOptions> = {}) =>
    tcpConnector({ host: simulator.host, port: simulator.port, connectTimeoutMs: 5000, ...more })(
      new AbortController().signal,
    );

  beforeEach(async () => {
    simulator = await startSimulator({
      units: [1, 2].map(
        unit =>
          [
            unit,
            (table, address) => (table === 'coil' || table === 'discrete' ? (address % 3 === 0 ? 1 : 0) : address + 1),
          ] as const,
      ),
    });
    link = await connect();
  });
  afterEach(async () => {
    link.end('test over');
    await simulator.close();
  });

  /** Misbehaves once, with the first request. */
  const once_ = (how: Misbehaviour) => {
    let done = false;
    simulator.misbehave = () => {
      if (done) return undefined;
      done = true;
      return how;
    };
  };

  it('reads all four tables', async () => {
    assert.deepEqual(wordsOf(await link.ask(read(10), PATIENT_MS)), words(10));
    assert.deepEqual(
      wordsOf(await link.ask(read(65532, { table: 'input' }), PATIENT_MS)),
      words(65532).map(n => n & 0xffff),
    );
    assert.deepEqual([...(await link.ask(read(0, { table: 'coil', count: 9 }), PATIENT_MS))], [0b01001001, 0]);
    assert.deepEqual([...(await link.ask(read(3, { table: 'discrete', count: 1 }), PATIENT_MS))], [1]);
    assert.equal((await link.ask(read(0, { count: 125 }), PATIENT_MS)).length, 250);
    assert.equal((await link.ask(read(0, { table: 'coil', count: 2000 }), PATIENT_MS)).length, 250);
  });

  it('keeps many requests at once apart', async () => {
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, n) => link.ask(read(n * 10, { unit: 1 + (n % 2) }), 1000)),
    );
    assert.deepEqual(
      answers.map(wordsOf),
      Array.from({ length: 50 }, (_, n) => words(n * 10)),
    );
  });

  it('takes no answer that is late by a whole round of the library counter, which has 8 bits', async () => {
    for (let n = 0; n < 256; n++) await link.ask(read(0), PATIENT_MS);
    // The answer to the first of them once more, in front of the right one.
    const bytes = Buffer.from('0001 0000 000b 01 03 08 0001 0002 0003 0004'.replaceAll(' ', ''), 'hex');
    simulator.misbehave = () => ({ kind: 'garbage', bytes, place: 'before' });
    assert.deepEqual(wordsOf(await link.ask(read(70), PATIENT_MS)), words(70));
  });

  it('counts on over the end of its own 16 bits', async () => {
    for (let n = 0; n < 66; n++)
      await Promise.all(Array.from({ length: 1000 }, () => link.ask(read(0, { count: 1 }), 60_000)));
    assert.deepEqual(wordsOf(await link.ask(read(70), PATIENT_MS)), words(70));
  });

  it('puts answers together that come byte by byte', async () => {
    simulator.misbehave = () => ({ kind: 'drip' });
    assert.deepEqual(wordsOf(await link.ask(read(70), PATIENT_MS)), words(70));
    assert.deepEqual(wordsOf(await link.ask(read(80), PATIENT_MS)), words(80));
  });

  for (const [code, name] of [
    [1, 'illegal function'],
    [2, 'illegal data address'],
    [3, 'illegal data value'],
    [4, 'device failure'],
    [5, 'acknowledge'],
    [6, 'device busy'],
    [10, 'gateway path unavailable'],
    [11, 'gateway target failed to respond'],
    [0, 'unknown to the standard'],
    [7, 'unknown to the standard'],
    [99, 'unknown to the standard'],
    [255, 'unknown to the standard'],
  ] as const)
    it(`names exception ${code}: ${name}`, async () => {
      once_({ kind: 'exception', code });
      const fault = await faultOf(link.ask(read(0), PATIENT_MS));
      assert.equal(fault.trouble, 'exception');
      assert.equal(fault.exception, code);
      assert.match(fault.message, new RegExp(`holding 0-3 of unit 1: exception .*${name}`));
      assert.equal(fault.kind, [1, 2, 3].includes(code) ? 'data' : 'outage');
      assert.deepEqual(wordsOf(await link.ask(read(7), PATIENT_MS)), words(7), 'the link goes on');
    });

  const refused: [how: Misbehaviour, message: RegExp][] = [
    [{ kind: 'byte-count', by: -2 }, /expected a byte count of 8, got 6/],
    [{ kind: 'byte-count', by: 2 }, /expected a byte count of 8, got 10/],
    [{ kind: 'words', by: -1 }, /expected a byte count of 8, got 6/],
    [{ kind: 'words', by: 1 }, /expected a byte count of 8, got 10/],
    [{ kind: 'unit', id: 2 }, /expected unit 1, got 2/],
    [{ kind: 'unit', id: 9, exception: 2 }, /expected unit 1, got 9/],
    [{ kind: 'function', code: 4 }, /expected function 3, got 4/],
  ];
  for (const [how, message] of refused)
    it(`refuses ${JSON.stringify(how)} and goes on`, async () => {
      once_(how);
      const fault = await faultOf(link.ask(read(0), PATIENT_MS));
      assert.equal(fault.trouble, 'answer');
      assert.match(fault.message, message);
      assert.deepEqual(wordsOf(await link.ask(read(7), PATIENT_MS)), words(7));
    });

  const unheard: Misbehaviour[] = [
    { kind: 'silence' },
    { kind: 'transaction', by: 1 },
    { kind: 'transaction', by: -1 },
    { kind: 'slow', ms: TIMEOUT_MS + 60 },
  ];
  for (const how of unheard)
    it(`times out on ${JSON.stringify(how)}, then reads on`, async () => {
      await link.ask(read(50), PATIENT_MS);
      once_(how);
      const fault = await faultOf(link.ask(read(0), TIMEOUT_MS));
      assert.equal(fault.trouble, 'timeout');
      assert.equal(fault.kind, 'outage');
      for (let n = 1; n < 5; n++) assert.deepEqual(wordsOf(await link.ask(read(n * 10), PATIENT_MS)), words(n * 10));
    });

  it('an answer sent twice shifts nothing', async () => {
    simulator.misbehave = () => ({ kind: 'duplicate' });
    for (let n = 0; n < 20; n++) assert.deepEqual(wordsOf(await link.ask(read(n * 10), PATIENT_MS)), words(n * 10));
  });

  it('a unit slower than the timeout never gives the value of an earlier read', async () => {
    simulator.misbehave = () => ({ kind: 'slow', ms: 90 });
    const results = await Promise.allSettled(Array.from({ length: 6 }, (_, n) => link.ask(read(n * 10), 60)));
    for (const result of results) assert.equal(result.status, 'rejected');
  });

  const unframed: [how: Misbehaviour, reason: RegExp][] = [
    [{ kind: 'protocol', id: 1 }, /protocol id 0 .* got 1/],
    [{ kind: 'length', value: 0 }, /frame length of 3 to 254, got 0/],
    [{ kind: 'length', value: 65535 }, /frame length of 3 to 254, got 65535/],
    [{ kind: 'garbage', bytes: Buffer.from('not modbus'), place: 'before' }, /protocol id 0/],
    [{ kind: 'garbage', bytes: Buffer.from('not modbus'), place: 'instead' }, /protocol id 0/],
    [{ kind: 'garbage', bytes: Buffer.from('not modbus'), place: 'after' }, /protocol id 0/],
    [{ kind: 'reset' }, /ECONNRESET/],
    [{ kind: 'close' }, /closed by the other side/],
  ];
  for (const [how, reason] of unframed)
    it(`drops the link at once on ${JSON.stringify(how)}, with every call that waits`, async () => {
      simulator.misbehave = request => (request.unit === 1 ? how : { kind: 'silence' });
      const bystander = faultOf(link.ask(read(0, { unit: 2 }), 60_000));
      const fault = await faultOf(link.ask(read(0), 60_000));
      assert.equal(fault.trouble, 'link');
      assert.match(await link.ended, reason);
      assert.equal((await bystander).trouble, 'link');
      assert.equal((await faultOf(link.ask(read(0), TIMEOUT_MS))).trouble, 'link', 'a dead link refuses at once');
    });

  for (const how of [
    { kind: 'silence' },
    { kind: 'partial', bytes: 11 },
    { kind: 'length', value: 200 },
  ] satisfies Misbehaviour[])
    it(`drops the link after two timeouts in a row on ${JSON.stringify(how)}`, async () => {
      simulator.misbehave = () => how;
      const first = await faultOf(link.ask(read(0), TIMEOUT_MS));
      const second = await faultOf(link.ask(read(0), TIMEOUT_MS));
      assert.deepEqual([first.trouble, second.trouble], ['timeout', 'timeout']);
      assert.match(await link.ended, /no answer to 2 requests in a row/);
    });

  it('keeps the link while another unit answers between the timeouts', async () => {
    simulator.misbehave = request => (request.unit === 2 ? { kind: 'silence' } : undefined);
    for (let n = 0; n < 3; n++) {
      assert.equal((await faultOf(link.ask(read(0, { unit: 2 }), 40))).trouble, 'timeout');
      assert.deepEqual(wordsOf(await link.ask(read(n), PATIENT_MS)), words(n));
    }
    assert.equal(simulator.accepted, 1);
  });

  it('a unit that is known to be silent does not end the link, a link that is silent for long does', async () => {
    simulator.misbehave = request => (request.unit === 2 ? { kind: 'silence' } : undefined);
    for (let n = 0; n < 4; n++) await faultOf(link.ask(read(0, { unit: 2 }), 20, { blame: 'unit' }));
    assert.equal(link.alive, true);
    assert.deepEqual(wordsOf(await link.ask(read(5), PATIENT_MS)), words(5));
    const quiet = await connect({ quietMs: 50 });
    for (let n = 0; n < 3; n++) await faultOf(quiet.ask(read(0, { unit: 2 }), 30, { blame: 'unit' }));
    assert.match(await quiet.ended, /no answer for 0\.05 s/);
  });

  it('destroys its socket when it ends, and ending twice is one end', async () => {
    link.end('enough');
    link.end('again');
    assert.equal(await link.ended, 'enough');
    while (simulator.connections > 0) await new Promise(resolve => setImmediate(resolve));
  });

  it('says why it cannot connect', async () => {
    const { port } = simulator;
    await simulator.close();
    const fault = await faultOf(
      tcpConnector({ host: '127.0.0.1', port, connectTimeoutMs: 500 })(new AbortController().signal),
    );
    assert.match(fault.message, /ECONNREFUSED/);
    assert.equal(fault.trouble, 'link');
  });

  it('gives up connecting when told to', async () => {
    // A listener whose backlog is never accepted still completes the handshake, so abort before it can.
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const fault = await faultOf(
      tcpConnector({ host: '127.0.0.1', port, connectTimeoutMs: 60_000 })(AbortSignal.abort()),
    );
    assert.match(fault.message, /closed while connecting/);
    server.close();
  });
});
