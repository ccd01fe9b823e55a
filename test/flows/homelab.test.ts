// flows/homelab.json and flows/webscada.json in a running gateway: MQTT, GSM, HTTP and WebSocket into one form (D02, D03, D12, C01–C04).
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import mqtt from 'mqtt';
import type pg from 'pg';
import WebSocket from 'ws';
import type { FlowNode, Gateway } from '../../bench/gateway.ts';
import { createKey } from '../../src/api/keys.ts';
import { openStore } from '../../src/store/store.ts';
import { type GatewayOnDatabase, gatewayOnDatabase } from '../support/gateway.ts';
import { untilAt } from '../support/until.ts';
import { ENERGY_HOURS } from '../support/seed-words.ts';

const root = path.resolve(import.meta.dirname, '../..');
const flowOf = (name: string) => JSON.parse(readFileSync(path.join(root, 'flows', name), 'utf8')) as FlowNode[];
type Row = Record<string, unknown>;

describe('seeds 002 and 003', () => {
  let running: GatewayOnDatabase;
  let gateway: Gateway;
  let pool: pg.Pool;
  let client: mqtt.MqttClient;
  let key: string;
  const retained = new Map<string, Row>();

  before(async function () {
    running = await gatewayOnDatabase(this, 'homelab', { FIELDLINE_DEMO: 'on' });
    ({ gateway, pool } = running);
    const { url } = running;
    const store = openStore({ url, connections: 1 });
    ({ key } = await createKey(store.query, { name: 'phone', kind: 'app' }));
    await store.close();
    client = mqtt.connect(gateway.mqtt);
    client.on('message', (topic, payload, { retain }) => {
      if (retain) retained.set(topic, JSON.parse(payload.toString()) as Row);
    });
  });
  after(async () => {
    await client?.endAsync(true);
    await running?.remove();
  });

  const rows = async (sql: string, values: unknown[] = []): Promise<Row[]> => (await pool.query<Row>(sql, values)).rows;
  const until = untilAt(() => gateway);
  /** What is published before a durable source has subscribed goes to nobody. */
  const deploy = async (name: string): Promise<void> => {
    await gateway.deploy('full', () => flowOf(name));
    await until(`${name} to be ready`, async () => (await gateway.health()).status === 200);
  };
  const say = (topic: string, payload: unknown) =>
    client.publishAsync(topic, typeof payload === 'string' ? payload : JSON.stringify(payload), { qos: 1 });

  describe('flows/homelab.json', () => {
    before(() => deploy('homelab.json'));

    it('stores the message of the document with processing time and source (D02, D03)', async () => {
      const payload = {
        timestamp: new Date().toISOString(),
        total_energy_kwh: 12.45,
        power_kw: 3.2,
        voltage: 230,
        current: 13.9,
      };
      await say('homelab/energy/meter1', payload);
      await until(
        'its row',
        async () => (await rows(`SELECT FROM energy_readings WHERE device_id = 'meter1'`)).length > 0,
      );
      const [row] = await rows(
        `SELECT total_energy_kwh, power_kw, voltage, current, metadata FROM energy_readings WHERE device_id = 'meter1'`,
      );
      const { metadata, ...values } = row as Row & { metadata: Row };
      assert.deepEqual(values, { total_energy_kwh: 12.45, power_kw: 3.2, voltage: 230, current: 13.9 });
      assert.equal(metadata['sourceTopic'], 'homelab/energy/meter1');
      assert.ok(Math.abs(Date.parse(String(metadata['processedAt'])) - Date.now()) < 60_000);
    });

    it('keeps the rest apart: what is not valid is archived and not stored', async () => {
      await say('homelab/energy/broken', 'no JSON');
      await until(
        'its raw row',
        async () => (await rows(`SELECT FROM raw_advertisements WHERE topic = 'homelab/energy/broken'`)).length > 0,
      );
      await say('homelab/temperature/after', '21.5');
      await until(
        'the next message',
        async () => (await rows(`SELECT FROM sensor_readings WHERE device_id = 'after'`)).length > 0,
      );
      assert.deepEqual(await rows(`SELECT device_id FROM devices WHERE device_id = 'broken'`), []);
    });

    it("answers Grafana's question by the hour (D12)", async () => {
      const hours = await rows(ENERGY_HOURS);
      assert.ok(hours.length >= 1 && Number(hours[0]?.['avg_power']) > 0);
    });

    it('retains the latest value of each device for whoever subscribes later', async () => {
      await client.subscribeAsync('latest/#', { qos: 1 });
      await until('the retained value', () => retained.has('latest/meter1'));
      const { deviceId, telemetry } = retained.get('latest/meter1') as { deviceId: string; telemetry: Row };
      assert.deepEqual([deviceId, telemetry['power_kw']], ['meter1', 3.2]);
    });
  });

  describe('flows/webscada.json', () => {
    before(() => deploy('webscada.json'));
    const telemetry = (more: object = {}) => ({
      timestamp: new Date().toISOString(),
      telemetry: { temperature: 21.5, pressure: 1013, flow: 3.2, status: 'ok' },
      metadata: { signalStrength: -70, batteryLevel: 88, location: { lat: 52.1, lon: 5.2 } },
      ...more,
    });
    const stored = async (device: string): Promise<Row[]> => {
      await until(
        `rows of ${device}`,
        async () => (await rows('SELECT FROM sensor_readings WHERE device_id = $1', [device])).length >= 4,
      );
      return rows('SELECT DISTINCT protocol FROM sensor_readings WHERE device_id = $1', [device]);
    };

    it('a GSM device by MQTT: application and device in the topic (C02)', async () => {
      await say('webscada/pumps/gsm-1/telemetry', telemetry({ deviceId: 'gsm-1', protocol: 'gsm' }));
      assert.deepEqual(await stored('gsm-1'), [{ protocol: 'gsm' }]);
      const [device] = await rows(
        `SELECT application_id, rssi, battery_estimate, metadata -> 'location' AS place FROM devices WHERE device_id = 'gsm-1'`,
      );
      assert.deepEqual(device, {
        application_id: 'pumps',
        rssi: -70,
        battery_estimate: 88,
        place: { lat: 52.1, lon: 5.2 },
      });
      await say('webscada/pumps/wifi-1/telemetry', telemetry());
      assert.deepEqual(await stored('wifi-1'), [{ protocol: 'mqtt' }]);
    });

    it('POST /api/devices/{id}/telemetry: checked, stored, latest value, and its history for replay (C03, C04)', async () => {
      const post = (body: unknown) =>
        fetch(`${gateway.url}/api/devices/esp-1/telemetry`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
          body: JSON.stringify(body),
        });
      assert.equal((await post(telemetry())).status, 200);
      assert.equal((await rows(`SELECT FROM latest_values WHERE device_id = 'esp-1'`)).length, 4);
      const [raw] = await rows(`SELECT metadata FROM raw_advertisements WHERE topic = 'http/telemetry'`);
      assert.deepEqual(raw?.['metadata'], { protocol: 'http', deviceId: 'esp-1' });
      const wrong = await post({ telemetry: { temperature: 'hot' } });
      assert.equal(wrong.status, 400);
      assert.equal(((await wrong.json()) as Row)['field'], 'temperature');
    });

    it('the WebSocket /ws/ingest, past the same port and gate (C02)', async () => {
      const socket = new WebSocket(`${gateway.url.replace('http', 'ws')}/ws/ingest`);
      await once(socket, 'open');
      const ask = async (frame: unknown) => {
        const answer = once(socket, 'message');
        socket.send(JSON.stringify(frame));
        return JSON.parse(String((await answer)[0])) as Row;
      };
      assert.deepEqual(await ask({ key }), { id: 0, ok: true });
      const { id, ok, stored: count } = await ask({ id: 'f-1', data: telemetry({ deviceId: 'socket-1' }) });
      assert.deepEqual([id, ok, count], ['f-1', true, 1]);
      socket.close();
      assert.deepEqual(await stored('socket-1'), [{ protocol: 'websocket' }]);
    });
  });

  it('flows/scarnergy.json: path A, the phone app posts what it has measured (A01, A04, A07, A12)', async () => {
    await deploy('scarnergy.json');
    const message = {
      ...{ type: 'measurement', value_mm: 2450.0, raw_hex: 'c055100600000019411a0000000000000000' },
      ...{ device_id: 'AA:BB:CC:DD:EE:FF', session_id: 'uuid-session-123', element_type: 'gevel' },
      ...{ element_id: 'uuid-element-456', source: 'ble_mobile', timestamp: '2026-02-11T14:30:00.000Z' },
    };
    const post = (body: unknown) =>
      fetch(`${gateway.url}/api/ingest`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-api-key': key },
        body: JSON.stringify(body),
      });
    for (const body of [
      { ...message, anomaly_score: 0.85 },
      { ...message, session_id: 'unscored' },
    ])
      assert.equal((await post(body)).status, 200);
    const [scored, unscored] = await rows(
      `SELECT value_mm, raw_hex, element_type, element_id, source, anomaly_score FROM measurements WHERE source = 'ble_mobile' ORDER BY id`,
    );
    assert.deepEqual(scored, {
      ...{ value_mm: 2450, raw_hex: message.raw_hex, element_type: 'gevel', element_id: 'uuid-element-456' },
      ...{ source: 'ble_mobile', anomaly_score: 0.85 },
    });
    assert.equal(typeof unscored?.['anomaly_score'], 'number', 'scored before it was stored');
  });
});
