// The measuring itself: a loss and a duplicate are seen, and a publisher outlives its broker.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import mqttPacket, { type IPublishPacket } from 'mqtt-packet';
import pg from 'pg';
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
