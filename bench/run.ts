// `npm run bench -- <figure> [options]`: measures one figure and writes its table to bench/results.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Figure, openReport, readOptions } from './figure.ts';
import { anomaly } from './figures/anomaly.ts';
import { api } from './figures/api.ts';
import { brokerKill } from './figures/broker-kill.ts';
import { deploy } from './figures/deploy.ts';
import { durability } from './figures/durability.ts';
import { fanOut } from './figures/fan-out.ts';
import { httpFigure } from './figures/http.ts';
import { ingest } from './figures/ingest.ts';
import { kill } from './figures/kill.ts';
import { live } from './figures/live.ts';
import { liveCost } from './figures/live-cost.ts';
import { modbus } from './figures/modbus.ts';
import { outage } from './figures/outage.ts';
import { outbox } from './figures/outbox.ts';
import { radio } from './figures/radio.ts';
import { replayFigure } from './figures/replay.ts';
import { sink } from './figures/sink.ts';
import { soak } from './figures/soak.ts';
import { startup } from './figures/startup.ts';

const figures: Readonly<Record<string, Figure>> = {
  anomaly,
  api,
  http: httpFigure,
  ingest,
  kill,
  outage,
  outbox,
  'broker-kill': brokerKill,
  durability,
  deploy,
  live,
  'fan-out': fanOut,
  'live-cost': liveCost,
  modbus,
  startup,
  soak,
  sink,
  radio,
  replay: replayFigure,
};

const usage = `npm run bench -- <figure> [--runs n] [--seconds n] [--rate a,b] [--broker embedded|mosquitto|both] [--database own|embedded] [--no-stock] [--seed n] [--short] [--full] [--only part,part]
${Object.entries(figures)
  .map(([name, figure]) => `  ${name.padEnd(12)} ${figure.says}`)
  .join('\n')}`;

const [name = '', ...args] = process.argv.slice(2);
const figure = figures[name];
if (figure === undefined) {
  console.error(usage);
  process.exit(2);
}
// What is ended from outside still ends what it has started: that hangs on the exit.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
const options = readOptions(args, figure.defaults);
const report = openReport(name, options, line => console.log(line), figure.runs);
await figure.run(options, report);
const json = report.json();
// A part of a figure does not stand for the whole.
if (options.only.length === 0 && !options.short) {
  const file = path.join(import.meta.dirname, 'results', name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(`${file}.md`, report.text());
  if (json !== undefined) writeFileSync(`${file}.json`, json);
  console.log(`\n${path.relative(process.cwd(), file)}.md`);
}
// A figure has ended everything it started; what still holds the loop is a connection's timer.
process.exit(process.exitCode ?? 0);
