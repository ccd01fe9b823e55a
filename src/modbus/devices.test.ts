// Devices behind a network as they are: one client only, gone without a word, restarted; told in bounded time, and healed by itself.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect as openSocket, createServer, type Server, type Socket } from 'node:net';
import type { Bus } from './bus.ts';
import { ModbusFault } from './fault.ts';
import { rtuOverTcpConnector } from './rtu-over-tcp.ts';
import { type Simulator, startSimulator } from './simulator.ts';
import { tcpConnector } from './tcp.ts';
import { type Bench, heals, openTestBus, readFrom, requests, right, TIMEOUT_MS, unitOf } from './transports.fixture.ts';

const [request] = requests as [(typeof requests)[0]];

for (const framing of ['tcp', 'rtu'] as const)
  describe(`devices behind ${framing === 'tcp' ? 'TCP' : 'RTU over TCP'}`, () => {
    let simulator: Simulator;
    /** In front of the device: how many clients it takes, and whether those there are are still heard. */
    let gate: Server;
    let clients: Set<Socket>;
    let most: number;
    let deaf: Set<Socket>;
    let buses: Bus[];
    beforeEach(async () => {
      simulator = await startSimulator({ units: [1, 2, 9].map(unitOf), framing });
      clients = new Set();
      deaf = new Set();
      buses = [];
      most = 100;
      gate = createServer(client => {
        if (clients.size >= most) return void client.destroy();
        clients.add(client);
        const device = openSocket(simulator.port, simulator.host);
        client.on('data', chunk => deaf.has(client) || device.write(chunk));
        device.on('data', chunk => deaf.has(client) || client.write(chunk));
        for (const end of [client, device])
          end
            .on('error', () => {})
            .on('close', () => {
              clients.delete(client);
              client.destroy();
              device.destroy();
            });
      });
      await once(gate.listen(0, '127.0.0.1'), 'listening');
    });
    afterEach(async () => {
      for (const bus of buses) await bus.close();
      for (const client of clients) client.destroy();
      gate.close();
      await simulator.close();
    });
    const open = (timeoutMs = 10_000) => {
      const peer = { host: '127.0.0.1', port: (gate.address() as AddressInfo).port, connectTimeoutMs: 2000 };
      const connect = framing === 'tcp' ? tcpConnector(peer) : rtuOverTcpConnector({ ...peer, drainMs: TIMEOUT_MS });
      const bus = openTestBus({ connect, parallel: framing === 'tcp' ? 4 : 1 } as Bench, { timeoutMs });
      buses.push(bus);
      return bus;
    };

    it('one client only: the second one is told, and has its turn when the first has gone', async () => {
      most = 1;
      const first = open();
      assert.deepEqual(await readFrom(first, request), right(request));
      const second = open();
      const refused = await readFrom(second, request);
      assert.ok(refused instanceof ModbusFault && refused.trouble === 'link', String(refused));
      assert.match(refused.message, /connection lost: closed|ECONNRESET/);
      assert.match(refused.advice, /how many clients the device accepts/);
      assert.deepEqual(await readFrom(first, request), right(request), 'the first one is not disturbed');
      await first.close();
      await heals(second);
    });

    it('gone without a word: two answers that do not come are a new connection', async () => {
      const bus = open(TIMEOUT_MS);
      await heals(bus);
      for (const client of clients) deaf.add(client);
      for (let n = 0; bus.losses === 0; n++) {
        assert.ok(n < 4, 'it holds on to a dead connection');
        assert.ok((await readFrom(bus, request)) instanceof ModbusFault);
      }
      await heals(bus);
    });

    it('restarted: away, then busy, then well', async () => {
      const bus = open(TIMEOUT_MS);
      await heals(bus);
      most = 0;
      for (const client of clients) client.destroy();
      while (!((await readFrom(bus, request)) instanceof ModbusFault))
        await new Promise(resolve => setImmediate(resolve));
      let busy = 5;
      simulator.misbehave = () => (busy-- > 0 ? { kind: 'exception', code: busy % 2 === 0 ? 6 : 2 } : undefined);
      most = 100;
      await heals(bus);
      assert.ok(busy < 0);
    });
  });
