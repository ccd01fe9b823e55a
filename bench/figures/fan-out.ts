// fan-out: how many rows a second reach how many live clients, how old they are then, and what a client that hangs costs the others.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { type Figure, ms, type Options, type Report } from '../figure.ts';
import type { Crowd } from '../live-crowd.ts';
import { type Protocol, protocols } from '../live-protocols.ts';
import { load, usageOf } from '../machine.ts';

type Scene = {
  name: string;
  protocol: Protocol;
  clients: number;
  rate: number;
  stalled?: number;
  conflateMs?: number;
  target: string;
};

const scenes: readonly Scene[] = [
  ...protocols.map(protocol => ({
    ...{ name: `50 clients on ${protocol}`, protocol, clients: 50, rate: 100 },
    target: 'p99 < 100 ms',
  })),
  { name: '500 clients', protocol: 'ws', clients: 500, rate: 1200, target: '500,000/s' },
  {
    name: '2,000 clients, conflated to 250 ms',
    protocol: 'ws',
    clients: 2000,
    rate: 100,
    conflateMs: 250,
    target: 'p99 < 500 ms',
  },
  ...protocols.map(protocol => ({
    ...{ name: `50 on ${protocol}, 2 of them hang`, protocol, clients: 50, rate: 100, stalled: 2 },
    target: 'as without',
  })),
];

const WARM_UP_MS = 1500;
/** The kernel lends a process that it starts its own idea of fair; the clients share two. */
const CROWDS = 2;

async function started(
  file: string,
  args: readonly (string | number)[],
): Promise<{ child: ChildProcess; says: unknown }> {
  const child = fork(new URL(file, import.meta.url), args.map(String));
  const [says] = await once(child, 'message');
  return { child, says };
}

async function measure(scene: Scene, seconds: number, report: Report): Promise<void> {
  const { name, protocol, clients, rate, stalled = 0, conflateMs = '', target } = scene;
  const source = await started('../live-source.ts', [rate, 20]);
  const at = `127.0.0.1:${source.says}`;
  const crowds = clients > 100 ? CROWDS : 1;
  const parts = await Promise.all(
    Array.from({ length: crowds }, (_, n) =>
      started('../live-crowd.ts', [at, protocol, clients / crowds, n === 0 ? stalled : 0, conflateMs]),
    ),
  );
  await wait(WARM_UP_MS);
  const before = usageOf(source.child.pid!).cpuSeconds;
  for (const { child } of parts) child.send('begin');
  await wait(seconds * 1000);
  const cpu = (usageOf(source.child.pid!).cpuSeconds - before) / seconds;
  const results: Crowd[] = [];
  for (const { child } of parts) {
    child.send('report');
    results.push(((await once(child, 'message')) as [Crowd])[0]);
  }
  source.child.disconnect();
  await once(source.child, 'exit');
  const perSecond = results.reduce((sum, one) => sum + one.deliveries / one.seconds, 0);
  report.row(
    ...[name, rate, Math.round(perSecond), ms(Math.max(...results.map(one => one.p50)))],
    ...[ms(Math.max(...results.map(one => one.p99))), `${Math.round(cpu * 100)} %`, target, load().toFixed(1)],
  );
}

export const fanOut: Figure = {
  says: 'rows a second to live clients, by protocol and number; conflated; beside clients that hang',
  defaults: { seconds: 5, runs: 1 },
  async run({ seconds, runs, only }: Options, report) {
    report.table('from the hub to the clients', [
      ...['clients', 'rows/s', 'deliveries/s', 'p50 ms', 'p99 ms', 'CPU of the server', 'wanted', 'load'],
    ]);
    for (const scene of scenes)
      for (let run = 0; run < runs; run++)
        if (only.length === 0 || only.some(word => scene.name.includes(word))) await measure(scene, seconds, report);
  },
};
