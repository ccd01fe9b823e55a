// The measuring itself: a loss and a duplicate are seen, and a publisher outlives its broker.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import mqttPacket, { type IPublishPacket } from 'mqtt-packet';
import pg from 'pg';
import { arrivalOf, contradictionsOf, faultsOf, lessTold, together } from '../../bench/durability/arrivals.ts';
import { energyMessage, isoMicroseconds } from '../../bench/message.ts';
import { openConnection } from '../../bench/mqtt-connection.ts';
import { openRows } from '../../bench/rows.ts';
import { postgresFor, type TestPostgres } from '../support/postgres.ts';

describe('bench rows', () => {
  let postgres: TestPostgres;
  before(async function () {
    postgres = await postgresFor(this);
  });
  after(() => postgres?.stop());

  it('counts what is lost, doubled and foreign', async () => {
    const client = new pg.Client({ connectionString: postgres.url });
    await client.connect();
    await client.query('CREATE TABLE seen (device_id text, timestamp timestamptz, total_energy_kwh float8)');
    for (const number of [0, 1, 2, 2, 4, 5])
      await client.query('INSERT INTO seen VALUES ($1, now(), $2)', [`a-00${number}`, number]);
    await client.query("INSERT INTO seen VALUES ('a-007', now(), 3), ('other-001', now(), 1), ('a-x', now(), NULL)");
    await client.end();
    const rows = openRows(postgres.url, 'seen');
    const count = await rows.count({ prefix: 'a', first: 0, next: 8 });
    await rows.close();
    // 3 is there, but of a device that never said it.
    assert.deepEqual(count, { stored: 7, lost: 2, duplicates: 1, foreign: 2, firstLost: [6, 7] });
  });
});

describe('bench arrivals', () => {
  const zero = { received: 0, returned: 0, stored: 0, duplicates: 0, deadLetters: 0, dropped: 0, outbox: 0, open: 0 };
  const nothing = { ...zero, source: 's', name: 's', openSince: undefined, upTo: 0, beyond: [], countedAt: 0 };
  const found = new Map([
    [0, 1],
    [1, 2],
    [3, 1],
  ]);
  it('are counted by number: lost, twice, and cut off where nobody could send it again', () => {
    const arrival = arrivalOf(['s', 'database'], 6, found, number => number === 5);
    assert.deepEqual(arrival, {
      ...{ source: 's', where: 'database', sent: 6, found: 3, lost: 2, again: 1, cutOff: 1 },
      firstLost: [2, 4],
    });
    assert.deepEqual(faultsOf(arrival), ['s at the database: 2 lost, 2, 4 …', 's at the database: 1 twice']);
    const peer = arrivalOf(['s', 'broker'], 4, new Map([...found, [2, 1]]));
    assert.deepEqual(faultsOf(peer), [], 'a peer may get a message again');
    assert.deepEqual(faultsOf(arrivalOf(['s', 'broker'], 0, new Map())), ['s at the broker: nothing was sent']);
    assert.equal(together([arrival, arrival]).lost, 4);
    const told = lessTold(arrival, { ...nothing, dropped: 1 });
    assert.deepEqual([told.lost, told.cutOff, lessTold(arrival, { ...nothing, returned: 9 }).lost], [1, 2, 0]);
  });

  it('contradict a ledger that claims more or less than arrived, or has left something open', () => {
    const arrivals = [arrivalOf(['s', 'database'], 4, new Map([0, 1, 2, 3].map(number => [number, 1])))];
    const line = { ...nothing, received: 4, stored: 4 };
    const faults: readonly [change: Partial<typeof line>, kept: boolean, says: RegExp | undefined][] = [
      [{}, true, undefined],
      [{ stored: 3, duplicates: 1 }, true, undefined],
      [{ stored: 3 }, true, /does not balance: 1.*3 stored and 0 duplicates, and 4 are there/],
      [{ received: 5, stored: 5 }, true, /^s: 5 stored, and 4 arrived$/],
      [{ received: 3, stored: 3 }, true, /^s: 3 stored and 0 duplicates, and 4 are there$/],
      [{ received: 3, stored: 3 }, false, undefined],
      [{ received: 5, open: 1 }, true, /^s: 1 still in flight$/],
      [{ received: 5, deadLetters: 1 }, true, /^s: 1 dead letters$/],
      [{ received: 5, dropped: 1 }, true, /^s: 1 dropped$/],
      [{ received: 5, dropped: 1 }, false, undefined],
    ];
    for (const [change, kept, says] of faults) {
      const told = contradictionsOf({ ...line, ...change }, arrivals, kept).join('; ');
      if (says === undefined) assert.equal(told, '');
      else assert.match(told, says);
    }
  });
});

describe('bench messages', () => {
  it('are about 250 bytes, with the number and the time to the microsecond', () => {
    const { topic, payload } = energyMessage('bench', 1234, 1_764_000_000_123_456);
    assert.equal(topic, 'homelab/energy/bench-034');
    assert.ok(payload.length > 235 && payload.length < 265, `${payload.length} bytes`);
    const { timestamp, total_energy_kwh } = JSON.parse(payload.toString());
    assert.deepEqual(
      { timestamp, total_energy_kwh },
      { timestamp: '2025-11-24T16:00:00.123456Z', total_energy_kwh: 1234 },
    );
    assert.equal(isoMicroseconds(1_764_000_000_000_007), '2025-11-24T16:00:00.000007Z');
  });
});

describe('bench publisher connection', () => {
  it('sends again with DUP and the same packet id what a broker has taken and not acknowledged', async () => {
    const seen: { id: number; dup: boolean; payload: string }[] = [];
    const sockets: Socket[] = [];
    const broker = createServer(socket => {
      const first = sockets.push(socket) === 1;
      const parser = mqttPacket.parser();
      socket.on('data', bytes => parser.parse(bytes));
      parser.on('packet', packet => {
        if (packet.cmd === 'connect')
          socket.write(mqttPacket.generate({ cmd: 'connack', returnCode: 0, sessionPresent: !first }));
        if (packet.cmd === 'publish') take(packet, first, socket);
      });
    });
    // The first connection acknowledges the first message and ends on the third.
    const take = ({ messageId, dup, payload }: IPublishPacket, first: boolean, socket: Socket) => {
      seen.push({ id: messageId!, dup, payload: payload.toString() });
      if (!first || seen.length === 1) socket.write(mqttPacket.generate({ cmd: 'puback', messageId: messageId! }));
      else if (seen.length === 3) socket.destroy();
    };
    broker.listen(0, '127.0.0.1');
    await once(broker, 'listening');
    const url = `mqtt://127.0.0.1:${(broker.address() as AddressInfo).port}`;
    const connection = openConnection({ url, clientId: 'c', window: 10 });
    const acknowledged: string[] = [];
    await new Promise<void>(resolve => {
      for (const text of ['a', 'b', 'c'])
        connection.publish('t', Buffer.from(text), () => {
          if (acknowledged.push(text) === 3) resolve();
        });
    });
    assert.deepEqual(acknowledged, ['a', 'b', 'c']);
    assert.deepEqual(seen.slice(1), [
      { id: 2, dup: false, payload: 'b' },
      { id: 3, dup: false, payload: 'c' },
      { id: 2, dup: true, payload: 'b' },
      { id: 3, dup: true, payload: 'c' },
    ]);
    assert.deepEqual([connection.room, connection.unacknowledged, connection.reconnects], [10, 0, 1]);
    connection.close();
    broker.close();
    for (const socket of sockets) socket.destroy();
  });
});
