// live: a laser frame published on MQTT until the committed row and until every live client has it.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { crc8 } from '../../src/kernel/bytes.ts';
import { type Figure, ms, type Options, type Report } from '../figure.ts';
import type { FlowNode } from '../gateway.ts';
import type { Arrival } from '../live-clients.ts';
import { type Protocol, protocols } from '../live-protocols.ts';
import { load, percentile } from '../machine.ts';
import { openConnection } from '../mqtt-connection.ts';
import { type BrokerKind, brokersOf, openStage, type Stage } from '../stage.ts';

const CLIENTS = 50;
const WARM_UP_SECONDS = 3;
const TOPIC = 'ble/bench/AA:BB:CC:DD:EE:01/02a6c0d1-0451-4000-b000-fb3210111989';

/** A Bosch GLM frame of a single measurement; millimetres tell one from the other. */
function frameOf(millimetres: number): Buffer {
  const frame = Buffer.from('c0551006000001000000000000000000000000', 'hex');
  frame.writeFloatLE(millimetres / 1000, 7);
  return Buffer.concat([frame, Buffer.of(crc8(frame, 0xa6, 0xaa))]);
}

/** The shipped flow takes frames from Bluetooth; a stock mqtt in brings them to the same decoder (path C of seed 000). */
const withFrames = (mqttUrl: string) => (flows: FlowNode[]) => {
  const decoder = flows.find(node => node.type === 'fieldline-laser-decode');
  if (decoder === undefined) throw new Error('no laser-decode in the flow');
  const { hostname, port } = new URL(mqttUrl);
  return [
    ...flows,
    {
      ...{
        id: 'bench-broker',
        type: 'mqtt-broker',
        broker: hostname,
        port,
        clientid: 'bench-frames',
        autoConnect: true,
      },
      ...{ usetls: false, protocolVersion: '4', keepalive: '60', cleansession: true },
    },
    {
      ...{ id: 'bench-frames', type: 'mqtt in', z: decoder['z'], x: 100, y: 40, topic: 'ble/bench/#', qos: '1' },
      ...{ datatype: 'buffer', broker: 'bench-broker', inputs: 0, wires: [[decoder.id]] },
    },
  ];
};

const clock = () => performance.timeOrigin + performance.now();

/** Publishes frames at a rate; milliseconds since the epoch at which each was published, by its value. */
async function publishFrames(url: string, rate: number, seconds: number): Promise<ReadonlyMap<number, number>> {
  const connection = openConnection({ url, clientId: 'bench-laser', window: 1000 });
  const sent = new Map<number, number>();
  const began = performance.now();
  for (let n = 0; n < rate * seconds; n++) {
    await wait(Math.max(0, began + (n * 1000) / rate - performance.now()));
    const value = 1000 + n;
    sent.set(value, clock());
    connection.publish(TOPIC, frameOf(value), () => undefined);
  }
  for (const end = performance.now() + 10_000; connection.unacknowledged > 0 && performance.now() < end; )
    await wait(10);
  connection.close();
  return sent;
}

async function measure(
  kind: BrokerKind,
  protocol: Protocol,
  { gateway, rows }: Stage,
  rate: number,
  seconds: number,
  report: Report,
): Promise<void> {
  await rows.query('DELETE FROM measurements');
  const { host } = new URL(gateway.url);
  const args = [host, protocol, 'measurement-stream', String(CLIENTS)];
  const clients = fork(new URL('../live-clients.ts', import.meta.url), args);
  await once(clients, 'message');
  const sent = await publishFrames(gateway.mqtt, rate, seconds);
  await wait(1000);
  clients.send('report');
  const [arrivals] = (await once(clients, 'message')) as [Arrival[]];
  const stored = await rows.query<{ value: number; at: number }>(
    `SELECT value_mm::float8 AS value, 1000 * extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8 AS at FROM measurements`,
  );
  const after = (list: readonly { value: number; at: number }[]) =>
    list.map(({ value, at }) => at - (sent.get(Math.round(value)) ?? Number.NaN));
  const live = after(arrivals);
  const commits = after(stored);
  report.row(
    ...[kind, protocol, rate, sent.size, stored.length, ms(percentile(commits, 0.5)), ms(percentile(commits, 0.99))],
    ...[
      `${arrivals.length} of ${sent.size * CLIENTS}`,
      ms(percentile(live, 0.5)),
      ms(percentile(live, 0.99)),
      load().toFixed(1),
    ],
  );
}

export const live: Figure = {
  says: `laser frame to committed row and to ${CLIENTS} live clients of each protocol`,
  defaults: { rates: [100], seconds: 10, runs: 3 },
  async run({ runs, rates, seconds, broker, only }: Options, report) {
    const kinds = brokersOf(broker, report);
    report.table(`laser frames to ${CLIENTS} clients`, [
      ...[
        'broker',
        'protocol',
        'rate/s',
        'frames',
        'rows',
        'commit p50 ms',
        'commit p99 ms',
        'pushed',
        'live p50 ms',
        'live p99 ms',
        'load',
      ],
    ]);
    for (const kind of kinds) {
      const stage = await openStage({ broker: kind, database: 'own' });
      try {
        await stage.gateway.deploy('nodes', withFrames(stage.gateway.mqtt));
        await wait(1000);
        await publishFrames(stage.gateway.mqtt, 100, WARM_UP_SECONDS);
        for (const protocol of protocols.filter(name => only.length === 0 || only.includes(name)))
          for (const rate of rates)
            for (let n = 0; n < runs; n++) await measure(kind, protocol, stage, rate, seconds, report);
      } finally {
        await stage.close();
      }
    }
  },
};
