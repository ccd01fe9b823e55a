// Everything at once: all kinds of sources and links, faults of the table drawn at random, and the ledger held against what was
// sent and what is in the database and at the peers.
import { setTimeout as wait } from 'node:timers/promises';
import { nodesFolder } from '../../gateway/environment.ts';
import { createKey } from '../../src/api/keys.ts';
import { readLedger } from '../../src/delivery/ledger-file.ts';
import { difference, inFlight, type Line } from '../../src/kernel/ledger.ts';
import { openStore } from '../../src/store/store.ts';
import { draws } from '../anomaly/random.ts';
import type { Gateway } from '../gateway.ts';
import { startLoad } from '../load.ts';
import type { Rows } from '../rows.ts';
import { type Arrival, arrivalOf, contradictionsOf, faultsOf, type Found, lessTold, together } from './arrivals.ts';
import { everySource, METER, SOURCES } from './every-source.ts';
import { faults } from './faults.ts';
import { type Measure, within } from './measure.ts';
import { ADVERTISER, type Numbered, startAdverts, startMeter, startPosts } from './numbered.ts';
import { startReceivingBroker, startReceivingServer, troubled } from './receivers.ts';
import type { Scene } from './scene.ts';

export type Everything = {
  /** Of the gateway and what belongs to it, in order, and of the peers of its links. */
  struck: readonly string[];
  troubles: number;
  arrivals: readonly Arrival[];
  lines: readonly Line[];
  /** What is lost, twice, or not as the ledger says; nothing where all is well. */
  wrong: readonly string[];
  seconds: number;
};

const FAULTS = { full: 24, short: 4 };
/** Whatever hangs, it ends; a machine that is only slow gets there. */
const LIMIT_OF_ONE_MS = 300_000;
/**
 * Around an end or a deploy: what its ledger had not yet written, and answers of a device that nobody waited for; on a
 * machine that stands still for some seconds, too.
 */
const CUT_MS = 5000;
const SETTLE_MS = 90_000;
const PER_MINUTE = 60_000;

/** The same gateway; knows when it was ended or deployed. */
function watchCuts(gateway: Gateway): { gateway: Gateway; cutAt(at: number): boolean } {
  const cuts: { from: number; to: number }[] = [];
  const during = async <T>(work: Promise<T>): Promise<T> => {
    const cut = { from: performance.now(), to: Number.POSITIVE_INFINITY };
    cuts.push(cut);
    try {
      return await work;
    } finally {
      cut.to = performance.now();
    }
  };
  return {
    gateway: Object.assign(Object.create(gateway) as Gateway, {
      end: (...given: Parameters<Gateway['end']>) => during(gateway.end(...given)),
      start: (...given: Parameters<Gateway['start']>) => during(gateway.start(...given)),
      deploy: (...given: Parameters<Gateway['deploy']>) => during(gateway.deploy(...given)),
    }),
    cutAt: at => cuts.some(({ from, to }) => at > from - CUT_MS && at < to + CUT_MS),
  };
}

/** Numbers in a column of the rows of a device, or of those whose names begin so (`%`). */
async function numbersIn(rows: Rows, [table, column]: readonly [string, string], device: string): Promise<Found> {
  const found = await rows.query<{ n: number; times: number }>(
    `SELECT ${column} AS n, count(*)::int AS times FROM ${table} WHERE device_id LIKE $1 GROUP BY 1`,
    [device],
  );
  return new Map(found.map(({ n, times }) => [n, times]));
}
const ENERGY = ['energy_readings', 'total_energy_kwh'] as const;
const FLOW = ['flow_data', 'totalizer'] as const;
const COUNT = ['sensor_readings', 'value'] as const;

async function newKey(url: string): Promise<string> {
  const store = openStore({ url, connections: 1 });
  const { key } = await createKey(store.query, { name: 'every', kind: 'app', limitPerMinute: PER_MINUTE });
  await store.close();
  return key;
}

/** Draws faults and brings them about one after the other; `look` is told after each what has struck so far. */
async function strike(scene: Scene, seed: number, count: number, look: (struck: readonly string[]) => void) {
  const draw = draws(seed);
  const possible = faults.filter(fault => fault.scene === 'plain');
  const struck: string[] = [];
  while (struck.length < count) {
    const fault = possible[draw.whole(0, possible.length - 1)]!;
    struck.push(fault.name);
    await within(LIMIT_OF_ONE_MS, fault.name, fault.inject(scene, draw, 1, true));
    look(struck);
    await wait(draw.between(0, 1500));
  }
  return struck;
}

/** In a fresh scene `plain`, for which there is no further use. Rejects when it cannot be brought about. */
export async function measureEverything(scene: Scene, { seed, rate, short }: Measure): Promise<Everything> {
  const began = performance.now();
  const { rows, postgres } = scene;
  const { gateway, cutAt } = watchCuts(scene.gateway);
  const closing: { close(): Promise<unknown> }[] = [];
  const opened = async <T extends { close(): Promise<unknown> }>(opening: T | Promise<T>): Promise<T> => {
    const one = await opening;
    closing.push(one);
    return one;
  };
  const wrong: string[] = [];
  const lines = () => readLedger(nodesFolder(gateway.directory))?.lines ?? [];
  try {
    const radio = await opened(startAdverts());
    const meter = await opened(startMeter());
    const broker = await opened(startReceivingBroker());
    const server = await opened(startReceivingServer());
    const ports = { meterPort: meter.port, brokerPort: broker.port, serverPort: server.port };
    await gateway.deploy('full', everySource({ adapter: radio.adapter, ...ports }));
    const prefixes = ['a', 'b'].map(letter => `every-${seed}${letter}`);
    const posting = `every-${seed}-post`;
    const posts = await opened(startPosts(gateway.url, await newKey(postgres!.url), posting));
    const loads = prefixes.map((prefix, at) =>
      startLoad({ url: gateway.mqtt, rate: rate / 2, timed: at === 0, window: 500, connections: 1, range: { prefix } }),
    );
    closing.push({ close: () => Promise.all(loads.map(load => load.finish(0))) });
    const through = (count: number) => {
      const more = loads.map(load => load.acknowledged(load.progress.acknowledged + count));
      return within(LIMIT_OF_ONE_MS, `${count} messages more of each publisher`, Promise.all(more));
    };

    await through(rate);
    const trouble = troubled([broker, server], draws(seed + 1));
    closing.push({ close: trouble.stop });
    const struck = await strike({ ...scene, gateway }, seed, short ? FAULTS.short : FAULTS.full, before => {
      for (const line of lines())
        if (difference(line) !== 0) wrong.push(`${line.name}: ${difference(line)} off after ${before.join(', ')}`);
    });
    const troubles = await trouble.stop();
    // It has not only survived, it works.
    await through(rate / 2);
    const published = await Promise.all(loads.map(load => load.finish(SETTLE_MS)));
    await Promise.all([posts, radio, meter].map(source => source.stop()));

    const lineOf = (name: string) => lines().find(line => line.name === name);
    /** Of a source whose messages nobody sends again. */
    const heard = async (name: string, { sentAt }: Numbered, found: Promise<Found>) =>
      lessTold(
        arrivalOf([name, 'database'], sentAt.length, await found, number => cutAt(sentAt[number]!)),
        lineOf(name),
      );
    const mqtt = async (where: readonly [string, Arrival['where']], of: (prefix: string) => Found | Promise<Found>) =>
      together(
        await Promise.all(
          published.map(async ({ range }) => arrivalOf(where, range.next, await of(`${range.prefix}-`))),
        ),
      );
    const account = async (): Promise<Arrival[]> => [
      await mqtt([SOURCES.mqtt, 'database'], prefix => numbersIn(rows, ENERGY, `${prefix}%`)),
      await mqtt([SOURCES.relay, 'broker'], broker.received),
      arrivalOf([SOURCES.http, 'database'], posts.sentAt.length, await numbersIn(rows, FLOW, `${posting}%`)),
      arrivalOf([SOURCES.http, 'server'], posts.sentAt.length, server.received(posting)),
      await heard(SOURCES.radio, radio, numbersIn(rows, COUNT, ADVERTISER)),
      await heard(SOURCES.modbus, meter, numbersIn(rows, FLOW, METER)),
    ];
    const arrivals = await atRest(account, () => lines().reduce((sum, line) => sum + inFlight(line), 0));

    const unacknowledged = published.reduce((sum, progress) => sum + progress.unacknowledged.length, 0);
    if (unacknowledged > 0) wrong.push(`${unacknowledged} messages not acknowledged`);
    wrong.push(...posts.refused.slice(0, 10).map(answer => `a post was refused: ${answer}`));
    wrong.push(...arrivals.flatMap(faultsOf));
    for (const name of Object.values(SOURCES)) {
      const line = lineOf(name);
      const own = arrivals.filter(({ source }) => source === name);
      const kept = name !== SOURCES.radio && name !== SOURCES.modbus;
      wrong.push(...(line === undefined ? [`${name}: not in the ledger`] : contradictionsOf(line, own, kept)));
    }
    const seconds = Math.round((performance.now() - began) / 1000);
    return { struck, troubles, arrivals, lines: lines(), wrong, seconds };
  } finally {
    for (const one of closing.reverse()) await one.close();
  }
}

/** Resolves when nothing is missing and nothing in flight, or nothing has changed for a while. */
async function atRest(account: () => Promise<Arrival[]>, open: () => number): Promise<Arrival[]> {
  let arrivals = await account();
  let changedAt = performance.now();
  while (arrivals.some(({ lost }) => lost > 0) || open() > 0) {
    if (performance.now() > changedAt + SETTLE_MS) break;
    await wait(500);
    const before = JSON.stringify(arrivals);
    arrivals = await account();
    if (JSON.stringify(arrivals) !== before) changedAt = performance.now();
  }
  return arrivals;
}
