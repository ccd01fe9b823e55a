// The faults of the durability table: what is done to a running gateway and its peers, how often, and at which random moments.
import { setTimeout as wait } from 'node:timers/promises';
import { signal } from '../../gateway/processes.ts';
import type { Draw } from '../anomaly/random.ts';
import { type DeployType, touching } from '../gateway.ts';
import type { Scene, SceneKind } from './scene.ts';

export type Fault = {
  /** As `--only` names it. */
  readonly name: string;
  readonly says: string;
  readonly scene: SceneKind;
  /** How often in the whole table, and in the one of the tests. */
  readonly times: { readonly full: number; readonly short: number };
  /**
   * All messages say their time. A broker apart that lost a PUBACK must take the copy that its publisher sends again for
   * a new message [MQTT-4.3.2-2], and over the wire nothing but their own time tells the two from each other.
   */
  readonly timedOnly?: true;
  /** Times of the gateway's own clock are no measure of order here. */
  readonly clockMoves?: true;
  /** Brings it about under load, and ends with everything running again. */
  inject(scene: Scene, draw: Draw, times: number, short: boolean): Promise<void>;
};

const HOUR_MS = 3_600_000;

/** Lets it run, or stand still, for a random time. */
const pause = (draw: Draw, fromMs: number, toMs: number) => wait(draw.between(fromMs, toMs));

/** `n` counts from 0. */
type Once = (scene: Scene, draw: Draw, n: number, short: boolean) => Promise<void>;

/** As often as the table says, one after the other. */
function times(once: Once): Fault['inject'] {
  return async (scene, draw, count, short) => {
    for (let n = 0; n < count; n++) await once(scene, draw, n, short);
  };
}

/** When it has run for a random time. */
function after(fromMs: number, toMs: number, once: Once): Once {
  return async (scene, draw, n, short) => {
    await pause(draw, fromMs, toMs);
    await once(scene, draw, n, short);
  };
}

async function killGateway({ gateway }: Scene, draw: Draw): Promise<void> {
  await gateway.end('SIGKILL');
  // Sometimes it is killed again while it starts.
  if (draw.uniform() < 0.25) {
    const starting = gateway.start().catch(() => undefined);
    await pause(draw, 50, 1500);
    await gateway.end('SIGKILL');
    await starting;
  }
  await pause(draw, 0, 500);
}

async function killDatabase({ postgres }: Scene, draw: Draw): Promise<void> {
  await postgres!.terminate('SIGKILL');
  await pause(draw, 0, 500);
}

/** One that was killed the gateway starts again by itself. */
function signalChild({ gateway }: Scene, part: 'broker' | 'postgres', name: NodeJS.Signals = 'SIGKILL'): void {
  const pid = gateway.processId(part);
  if (pid !== undefined) signal(pid, name);
}

async function killTogether(scene: Scene, draw: Draw): Promise<void> {
  const { gateway, postgres } = scene;
  // At least two of the three.
  const spared = draw.whole(0, 3);
  if (spared !== 2) signalChild(scene, 'broker');
  await Promise.all([
    spared === 0 ? undefined : gateway.end('SIGKILL'),
    spared === 1 ? undefined : postgres!.terminate('SIGKILL'),
  ]);
  await pause(draw, 0, 500);
  // In this order or the other: whoever comes first has to wait.
  const databaseLater = draw.uniform() < 0.5;
  await Promise.all([
    wait(databaseLater ? 0 : draw.between(0, 500)).then(() => (spared === 0 ? undefined : gateway.start())),
    wait(databaseLater ? draw.between(0, 500) : 0).then(() => (spared === 1 ? undefined : postgres!.restart())),
  ]);
}

/** Nodes on the way of the messages, changed in turn. */
const nodes = [
  ...['mqtt-ingest', 'raw-archive', 'normalize', 'dedup', 'anomaly', 'timescale-out', 'ws-broadcast', 'timescale-db'],
].map(name => `fieldline-${name}`);

function deploys(type: DeployType): Fault['inject'] {
  return times(async ({ gateway }, draw) => {
    await gateway.deploy(type, touching(nodes[draw.whole(0, nodes.length - 1)]!));
    await pause(draw, 0, 500);
  });
}

/** Each statement on the tables of the load takes this much longer, and so does its commit. */
const SLOW_SECONDS = 0.2;
const SLOW_TABLES = ['energy_readings', 'raw_advertisements'];

export const faults: readonly Fault[] = [
  {
    name: 'kill-gateway',
    says: 'kill -9 of the gateway, its broker with it',
    scene: 'plain',
    times: { full: 30, short: 3 },
    inject: times(
      after(100, 1500, async (scene, draw) => {
        await killGateway(scene, draw);
        await scene.gateway.start();
      }),
    ),
  },
  {
    name: 'kill-database',
    says: 'kill -9 of PostgreSQL',
    scene: 'plain',
    times: { full: 30, short: 2 },
    inject: times(
      after(100, 1500, async (scene, draw) => {
        await killDatabase(scene, draw);
        await scene.postgres!.restart();
      }),
    ),
  },
  {
    name: 'kill-outbox',
    says: 'kill -9 of the gateway while PostgreSQL is away',
    scene: 'plain',
    times: { full: 10, short: 1 },
    inject: times(async (scene, draw) => {
      await scene.postgres!.terminate('SIGQUIT');
      await pause(draw, 500, 3000);
      await killGateway(scene, draw);
      // Half of the time it finds the database gone.
      if (draw.uniform() < 0.5) await scene.postgres!.restart();
      const starting = scene.gateway.start(120_000);
      await pause(draw, 0, 2000);
      await scene.postgres!.restart();
      await starting;
      await pause(draw, 500, 3000);
    }),
  },
  {
    name: 'database-away',
    says: 'PostgreSQL stopped for 30 s (5 s in the short table)',
    scene: 'plain',
    times: { full: 1, short: 1 },
    inject: times(
      after(500, 2000, async ({ postgres }, _draw, _n, short) => {
        await postgres!.terminate('SIGQUIT');
        await wait(short ? 5000 : 30_000);
        await postgres!.restart();
      }),
    ),
  },
  {
    name: 'slow-database',
    says: `PostgreSQL that takes ${SLOW_SECONDS * 1000} ms more for each commit, for 20 s (4 s)`,
    scene: 'plain',
    times: { full: 1, short: 1 },
    async inject({ rows }, _draw, _times, short) {
      await rows.query(
        `CREATE FUNCTION bench_slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(${SLOW_SECONDS}); RETURN NULL; END'`,
      );
      for (const table of SLOW_TABLES)
        await rows.query(
          `CREATE TRIGGER bench_slow AFTER INSERT ON ${table} FOR EACH STATEMENT EXECUTE FUNCTION bench_slow()`,
        );
      await wait(short ? 4000 : 20_000);
      for (const table of SLOW_TABLES) await rows.query(`DROP TRIGGER bench_slow ON ${table}`);
      await rows.query('DROP FUNCTION bench_slow()');
    },
  },
  ...(['full', 'flows', 'nodes'] as const).map(
    (type, at): Fault => ({
      name: `deploy-${type}`,
      says: `deploy of type ${type}`,
      scene: 'plain',
      times: { full: 100, short: at === 0 ? 4 : 3 },
      inject: deploys(type),
    }),
  ),
  {
    name: 'stop-gateway',
    says: 'SIGTERM of the gateway, and a start',
    scene: 'plain',
    times: { full: 10, short: 1 },
    inject: times(
      after(200, 1500, async ({ gateway }, draw) => {
        const ended = await gateway.end('SIGTERM');
        if (ended.code !== 0) throw new Error(`SIGTERM: expected the exit code 0, got ${ended.code ?? ended.signal}`);
        await pause(draw, 0, 500);
        await gateway.start();
      }),
    ),
  },
  {
    name: 'kill-broker',
    says: "kill -9 of the broker's process",
    scene: 'plain',
    times: { full: 30, short: 1 },
    inject: times(
      after(100, 1500, async scene => {
        signalChild(scene, 'broker');
      }),
    ),
  },
  {
    name: 'freeze-broker',
    says: "the broker's process frozen (SIGSTOP) for 2 to 5 s",
    scene: 'plain',
    times: { full: 10, short: 1 },
    inject: times(
      after(100, 1500, async (scene, draw) => {
        signalChild(scene, 'broker', 'SIGSTOP');
        await pause(draw, 2000, 5000);
        signalChild(scene, 'broker', 'SIGCONT');
      }),
    ),
  },
  {
    name: 'kill-together',
    says: 'kill -9 of two or all of gateway, PostgreSQL and broker at once',
    scene: 'plain',
    times: { full: 30, short: 1 },
    inject: times(after(200, 1500, killTogether)),
  },
  {
    name: 'own-database',
    says: "kill -9 of the gateway's own PostgreSQL, with the gateway every third time",
    scene: 'own database',
    times: { full: 15, short: 1 },
    inject: times(
      after(500, 2000, async (scene, draw, n) => {
        signalChild(scene, 'postgres');
        if (n % 3 !== 2) return;
        await pause(draw, 0, 500);
        await scene.gateway.end('SIGKILL');
        await scene.gateway.start();
      }),
    ),
  },
  {
    name: 'broker-apart',
    says: 'a broker beside the gateway (MQTT_URL) killed or stopped, and started',
    scene: 'broker apart',
    timedOnly: true,
    times: { full: 20, short: 2 },
    inject: times(
      after(100, 1500, async ({ broker }, draw, n) => {
        await broker!.end(n % 2 === 0 ? 'SIGKILL' : 'SIGTERM');
        await pause(draw, 0, 1000);
        await broker!.start();
      }),
    ),
  },
  {
    name: 'full-disk',
    says: 'disk of the data directory full, with PostgreSQL there and away',
    scene: 'small disk',
    times: { full: 6, short: 2 },
    inject: times(
      after(500, 1500, async ({ disk, postgres }, draw, n) => {
        const away = n % 2 === 1;
        if (away) await postgres!.terminate('SIGQUIT');
        await pause(draw, 0, 1000);
        disk!.fill();
        await pause(draw, 1000, 4000);
        if (away && draw.uniform() < 0.5) await postgres!.restart();
        await pause(draw, 0, 1000);
        disk!.free();
        if (away) await postgres!.restart();
      }),
    ),
  },
  {
    name: 'clock-steps',
    says: 'wall clock of the gateway moved by an hour, on and back, also over a kill -9',
    scene: 'set clock',
    times: { full: 8, short: 2 },
    clockMoves: true,
    inject: times(
      after(500, 2000, async ({ setClock, gateway }, draw, n) => {
        setClock(n % 2 === 0 ? draw.sign() * HOUR_MS : 0);
        if (draw.uniform() < 0.5) return;
        await pause(draw, 0, 100);
        await gateway.end('SIGKILL');
        await gateway.start();
      }),
    ),
  },
];
