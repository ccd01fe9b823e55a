// Lines that are lost, never open, or fail without a request: the rest of the client library's list, on all three transports.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect as openSocket, createServer, type Server, type Socket } from 'node:net';
import { SerialPortMock } from 'serialport';
import type { Bus } from './bus.ts';
import { ModbusFault } from './fault.ts';
import type { Connect } from './link.ts';
import { rtuOverTcpConnector } from './rtu-over-tcp.ts';
import { type MakePort, serialConnector } from './serial.ts';
import { simulatedLine } from './serial.fixture.ts';
import { tcpConnector } from './tcp.ts';
import { type Bench, heals, openTestBus, readFrom, requests, right, transports } from './transports.fixture.ts';

const [request] = requests as [(typeof requests)[0]];
const format = { baudRate: 115_200, dataBits: 8, parity: 'none', stopBits: 1 } as const;
const serial = (path: string, makePort: MakePort) =>
  serialConnector({ path, format, connectTimeoutMs: 300, drainMs: 30, makePort });

for (const [transport, openBench] of transports)
  describe(`a lost line on ${transport}`, () => {
    let bench: Bench;
    let bus: Bus;
    beforeEach(async () => {
      bench = await openBench();
      bus = openTestBus(bench, { timeoutMs: 10_000 });
      assert.deepEqual(await readFrom(bus, request), right(request));
    });
    afterEach(async () => {
      await bus.close();
      await bench.close();
    });

    it('10 is noticed and counted though nobody asks', async () => {
      await bench.flap();
      while (bus.losses === 0) await new Promise(resolve => setImmediate(resolve));
      assert.equal(bus.losses, 1);
    });

    it('11 can be closed, twice, also where it was lost in that moment', async () => {
      const lost = bench.flap();
      await Promise.all([bus.close(), bus.close()]);
      await lost;
      await bus.close();
      assert.equal(bus.state, 'closed');
    });

    it('is told where it never rests, and heals when it does', async () => {
      const chatter = setInterval(() => bench.say(Buffer.from('0903aa55', 'hex')), 3);
      try {
        // On TCP these bytes are no frames at all: the connection is dropped, and made anew.
        for (let n = 0; n < 2; n++) {
          const got = await readFrom(bus, request);
          if (!(got instanceof ModbusFault)) assert.deepEqual(got, right(request));
          else if (transport !== 'TCP')
            assert.match(got.message, /never silent|two that differ|damaged|connection lost/);
        }
      } finally {
        clearInterval(chatter);
      }
      await heals(bus);
    });

    it('16 refuses with errors that have a stack, a reason and an advice', async () => {
      bench.device.misbehave = () => ({ kind: 'exception', code: 2 });
      const exception = await readFrom(bus, request);
      await bus.close();
      for (const fault of [exception, await readFrom(bus, request)]) {
        assert.ok(fault instanceof ModbusFault && fault instanceof Error);
        assert.match(fault.stack ?? '', /ModbusFault|at /);
        assert.ok(fault.message.length > 10 && fault.advice.length > 10, fault.message);
      }
    });
  });

describe('13 a line that never opens', () => {
  let full: ChildProcess | undefined;
  const fillers: Socket[] = [];
  let port: number | undefined;
  before(async () => {
    // Its backlog is full and nobody accepts: the system does not even answer.
    full = spawn('python3', ['-c', fullInPython], { stdio: ['pipe', 'pipe', 'ignore'] });
    const told = await Promise.race([once(full.stdout as NonNullable<typeof full.stdout>, 'data'), once(full, 'exit')]);
    port = Buffer.isBuffer(told[0]) ? Number(told[0].toString()) : undefined;
    if (port === undefined) return;
    for (let n = 0; n < 4; n++) fillers.push(openSocket({ host: '127.0.0.1', port }).on('error', () => {}));
    await once(fillers[0] as Socket, 'connect');
  });
  after(() => {
    for (const socket of fillers) socket.destroy();
    full?.stdin?.end();
  });

  const connectors: [transport: string, connect: () => Connect][] = [
    ['TCP', () => tcpConnector({ host: '127.0.0.1', port: port ?? 0, connectTimeoutMs: 300 })],
    [
      'RTU over TCP',
      () => rtuOverTcpConnector({ host: '127.0.0.1', port: port ?? 0, connectTimeoutMs: 300, drainMs: 30 }),
    ],
    [
      'RTU',
      () => {
        SerialPortMock.binding.createPort('/dev/mock-stuck');
        return serial('/dev/mock-stuck', async settings =>
          Object.assign(new SerialPortMock(settings), { open: () => {}, close: (done: () => void) => done() }),
        );
      },
    ],
  ];
  for (const [transport, connect] of connectors)
    it(`is given up in its time, and tried again, on ${transport}`, async function () {
      if (port === undefined && transport !== 'RTU') return this.skip();
      let tries = 0;
      const once = connect();
      const bus = openTestBus({
        connect: signal => {
          tries++;
          return once(signal);
        },
        parallel: 1,
      } as Bench);
      const fault = await readFrom(bus, request);
      assert.ok(fault instanceof ModbusFault && fault.trouble === 'link');
      assert.match(fault.message, /no connection within 300 ms|not open within 300 ms/);
      while (tries < 2) await new Promise(resolve => setImmediate(resolve));
      await bus.close();
    });
});

/** Tells its port; ends with its input. */
const fullInPython = `
import socket, sys
s = socket.socket()
s.bind(('127.0.0.1', 0))
s.listen(0)
print(s.getsockname()[1], flush=True)
sys.stdin.read()
`;

describe('15 an error of a serial port that nobody asked for', () => {
  it('ends the link and no process, and the port is opened again', async () => {
    const line = simulatedLine([[9, (_, address) => 9000 + address]]);
    const ports: SerialPortMock[] = [];
    const connect = serial(line.path, async settings => {
      const made = (await line.makePort(settings)) as SerialPortMock;
      ports.push(made);
      return made;
    });
    const bus = openTestBus({ connect, parallel: 1 } as Bench, { timeoutMs: 10_000 });
    assert.deepEqual(await readFrom(bus, request), right(request));
    ports[0]?.emit('error', new Error('the driver says so'));
    assert.deepEqual(await readFrom(bus, request), right(request));
    assert.deepEqual([bus.losses, ports.length], [1, 2]);
    await bus.close();
    line.stop();
  });
});

describe('18 what goes over the wire', () => {
  let server: Server;
  let seen: Promise<string>;
  beforeEach(async () => {
    server = createServer();
    seen = once(server, 'connection').then(async ([socket]: Socket[]) => {
      const [chunk] = (await once(socket as Socket, 'data')) as [Buffer];
      socket?.destroy();
      return chunk.toString('hex');
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
  });
  afterEach(() => void server.close());
  const peer = () => ({ host: '127.0.0.1', port: (server.address() as AddressInfo).port, connectTimeoutMs: 2000 });

  const frames: [transport: string, connect: () => Connect, hex: string][] = [
    ['TCP: a header and no checksum', () => tcpConnector(peer()), '000100000006' + '110300' + '6b0003'],
    [
      'RTU over TCP: a checksum and no header',
      () => rtuOverTcpConnector({ ...peer(), drainMs: 1 }),
      '1103006b0003' + '7687',
    ],
  ];
  for (const [what, connect, hex] of frames)
    it(what, async () => {
      const link = await connect()(new AbortController().signal);
      const asked = link.ask({ unit: 17, table: 'holding', address: 107, count: 3 }, 2000).catch(() => {});
      assert.equal(await seen, hex);
      link.end('seen');
      await asked;
    });
});
