// The same job by a stock Node-RED flow: mqtt in → archive → decode → dedup → score → row, device and latest values → live push, into the same tables.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { migrate } from '../src/store/migrate.ts';
import { freePort, type Usage, usageOf } from './machine.ts';

export type Stock = { usage(): Usage; stop(): Promise<void> };

const PALETTE = 'node-red-contrib-postgrestor-next@0.5.2';

// One node of the palette for each table, as its users write them; device and latest values share one.
const ARCHIVE = `INSERT INTO raw_advertisements (scanner_id, topic, timestamp, received_at, payload, digest)
  VALUES ('stock', $1, ($2::text::jsonb->>'timestamp')::timestamptz, $3, $2::text::jsonb, md5($2::text)::uuid) ON CONFLICT DO NOTHING`;
const READING = `INSERT INTO energy_readings (device_id, timestamp, total_energy_kwh, power_kw, voltage, current, anomaly_score, digest)
  VALUES ($1, $2, $3, $4, $5, $6, $7, md5($8)::uuid) ON CONFLICT DO NOTHING`;
const LATEST = `WITH device AS (INSERT INTO devices (device_id, last_seen) VALUES ($1::text, $2::timestamptz)
    ON CONFLICT (device_id) DO UPDATE SET last_seen = greatest(devices.last_seen, excluded.last_seen))
  INSERT INTO latest_values (device_id, metric, value, timestamp)
  SELECT $1::text, metric, value, $2::timestamptz
  FROM unnest(ARRAY['total_energy_kwh', 'power_kw', 'voltage', 'current'], ARRAY[$3, $4, $5, $6]::float8[]) AS given (metric, value)
  ON CONFLICT (device_id, metric) DO UPDATE SET value = excluded.value, timestamp = excluded.timestamp
  WHERE excluded.timestamp >= latest_values.timestamp`;

const archive = `msg.params = [msg.topic, msg.payload, new Date()];
return msg;`;
const decode = `const [topic, text] = msg.params; const device = topic.split('/').pop(); const p = JSON.parse(text);
msg.reading = { device, timestamp: p.timestamp, energy: p.total_energy_kwh, power: p.power_kw, voltage: p.voltage, current: p.current };
return msg;`;
const dedup = `const seen = context.get('seen') || new Map(); const now = Date.now();
const key = msg.reading.device + msg.reading.timestamp;
if (now - (seen.get(key) || 0) < 10000) return null;
seen.set(key, now);
if (seen.size > 100000) seen.delete(seen.keys().next().value);
context.set('seen', seen);
return msg;`;
// What a flow's author would write: running mean and variance of each metric, four standard deviations.
const score = `const states = context.get('states') || new Map(); let worst = 0;
for (const metric of ['energy', 'power', 'voltage', 'current']) {
  const key = msg.reading.device + metric, value = msg.reading[metric];
  const state = states.get(key) || { mean: value, variance: 0 };
  const away = value - state.mean;
  if (state.variance > 0) worst = Math.max(worst, Math.abs(away) / Math.sqrt(state.variance));
  state.mean += 0.02 * away;
  state.variance = 0.98 * (state.variance + 0.02 * away * away);
  states.set(key, state);
}
context.set('states', states);
msg.reading.score = 1 - worst / 4;
const { device, timestamp, energy, power, voltage, current } = msg.reading;
msg.latest = [device, timestamp, energy, power, voltage, current];
msg.params = [...msg.latest, msg.reading.score, msg.params[1]];
return msg;`;
const newest = `msg.params = msg.latest;
return msg;`;
const live = `return { payload: JSON.stringify(msg.reading) };`;

function flowOf(mqttUrl: string, databaseUrl: string): unknown[] {
  const broker = new URL(mqttUrl);
  const database = new URL(databaseUrl);
  const at = { z: 'tab', x: 100, y: 100 };
  const store = { ...at, type: 'postgrestor', postgresDB: 'database', throwErrors: true };
  const does = { ...at, type: 'function', outputs: 1, libs: [] };
  const texts = { hostFieldType: 'str', databaseFieldType: 'str', userFieldType: 'str', passwordFieldType: 'str' };
  const numbers = {
    portFieldType: 'num',
    maxFieldType: 'num',
    minFieldType: 'num',
    idleFieldType: 'num',
    connectionTimeoutFieldType: 'num',
  };
  return [
    { id: 'tab', type: 'tab', label: 'stock' },
    {
      ...{ id: 'broker', type: 'mqtt-broker', broker: broker.hostname, port: broker.port, clientid: 'stock' },
      ...{
        autoConnect: true,
        usetls: false,
        protocolVersion: '4',
        keepalive: '60',
        cleansession: false,
        autoUnsubscribe: false,
      },
    },
    {
      ...at,
      id: 'in',
      type: 'mqtt in',
      topic: 'homelab/energy/#',
      qos: '1',
      datatype: 'utf8',
      broker: 'broker',
      inputs: 0,
      wires: [['archive']],
    },
    { ...does, id: 'archive', func: archive, wires: [['raw']] },
    { ...store, id: 'raw', query: ARCHIVE, wires: [['decode']] },
    { ...does, id: 'decode', func: decode, wires: [['dedup']] },
    { ...does, id: 'dedup', func: dedup, wires: [['score']] },
    { ...does, id: 'score', func: score, wires: [['insert']] },
    { ...store, id: 'insert', query: READING, wires: [['newest']] },
    { ...does, id: 'newest', func: newest, wires: [['latest']] },
    { ...store, id: 'latest', query: LATEST, wires: [['live']] },
    { ...does, id: 'live', func: live, wires: [['push']] },
    { ...at, id: 'push', type: 'websocket out', server: 'socket', client: '', wires: [] },
    { id: 'socket', type: 'websocket-listener', path: '/live', wholemsg: 'false' },
    { ...at, id: 'errors', type: 'catch', scope: null, uncaught: false, wires: [[]] },
    {
      ...{
        id: 'database',
        type: 'postgresDB',
        host: database.hostname,
        port: database.port,
        database: database.pathname.slice(1),
      },
      ...{
        user: database.username,
        password: database.password,
        ssl: 'false',
        sslFieldType: 'bool',
        ...texts,
        ...numbers,
      },
      ...{ max: '10', min: '1', idle: '10000', connectionTimeout: '10000' },
    },
  ];
}

/** Makes the tables in the database and subscribes at the broker. Rejects with the reason when npm does not give the palette. */
export async function startStock(mqttUrl: string, databaseUrl: string): Promise<Stock> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'fieldline-stock-'));
  const discard = () => rmSync(folder, { recursive: true, force: true });
  try {
    writeFileSync(path.join(folder, 'package.json'), '{"private":true}\n');
    execFileSync('npm', ['install', '--no-audit', '--no-fund', PALETTE], {
      cwd: folder,
      stdio: 'pipe',
      timeout: 120_000,
    });
  } catch (error) {
    discard();
    throw new Error(`npm does not give ${PALETTE}`, { cause: error });
  }
  await migrate(databaseUrl);

  const port = await freePort();
  writeFileSync(path.join(folder, 'flows.json'), JSON.stringify(flowOf(mqttUrl, databaseUrl)));
  const settings = {
    uiPort: port,
    uiHost: '127.0.0.1',
    flowFile: 'flows.json',
    credentialSecret: false,
    telemetry: { enabled: false },
  };
  writeFileSync(path.join(folder, 'settings.js'), `module.exports = ${JSON.stringify(settings)};\n`);
  const require = createRequire(new URL('../gateway/package.json', import.meta.url));
  const child = spawn(
    process.execPath,
    [require.resolve('node-red/red.js'), '-u', folder, '-s', path.join(folder, 'settings.js')],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const onExit = () => {
    child.kill('SIGKILL');
  };
  process.once('exit', onExit);
  // The palette writes a line for each message: read, so that the pipe never fills, and looked at only until it runs.
  let log = '';
  let connected = false;
  child.stdout.on('data', chunk => {
    if (connected) return;
    log = (log + chunk).slice(-5000);
    connected = /Connected to broker/.test(log);
  });
  const stop = async () => {
    process.removeListener('exit', onExit);
    if (child.exitCode === null && child.signalCode === null) {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    }
    discard();
  };
  for (const end = performance.now() + 60_000; !connected; await wait(50))
    if (performance.now() > end || child.exitCode !== null) {
      await stop();
      throw new Error(`the stock flow does not start: ${log.slice(-1000)}`);
    }
  return { usage: () => usageOf(child.pid!), stop };
}
