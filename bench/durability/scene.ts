// The scene of the durability faults: PostgreSQL that can be killed, a gateway with the shipped flow, and what a fault needs besides.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { startPostgres, type TestPostgres } from '../../test/support/postgres.ts';
import { type Gateway, makeGateway } from '../gateway.ts';
import { openRows, type Rows } from '../rows.ts';
import { embeddedUrl } from '../stage.ts';
import { type BrokerApart, startBrokerApart } from './broker-apart.ts';
import { mountSmallDisk, type SmallDisk, whyNoSmallDisk } from './small-disk.ts';

/**
 * plain: the gateway's broker, and PostgreSQL beside it. own database: the gateway's PostgreSQL, too. broker apart:
 * another broker (MQTT_URL). small disk: the data directory on a tmpfs. set clock: the gateway's wall clock can be moved.
 */
export type SceneKind = 'plain' | 'own database' | 'broker apart' | 'small disk' | 'set clock';

export type Scene = {
  readonly kind: SceneKind;
  /** Undefined where the gateway has its own. */
  readonly postgres: TestPostgres | undefined;
  readonly gateway: Gateway;
  readonly rows: Rows;
  readonly broker: BrokerApart | undefined;
  readonly disk: SmallDisk | undefined;
  /** Milliseconds by which the gateway's wall clock is ahead from now on. */
  setClock(aheadMs: number): void;
  close(): Promise<void>;
};

const DISK_MB = 256;

/** Why this machine cannot have such a scene, or undefined. */
export function whyNoScene(kind: SceneKind): string | undefined {
  return kind === 'small disk' ? whyNoSmallDisk() : undefined;
}

/** Resolves when all of it runs and the gateway is ready. */
export async function openScene(kind: SceneKind): Promise<Scene> {
  const closing: (() => unknown)[] = [];
  const close = async () => {
    for (const end of closing.splice(0).reverse()) await end();
  };
  try {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'fieldline-scene-'));
    closing.push(() => rmSync(folder, { recursive: true, force: true }));
    const clock = path.join(folder, 'clock');
    const postgres = kind === 'own database' ? undefined : await startPostgres({ track_commit_timestamp: 'on' });
    if (postgres !== undefined) closing.push(() => postgres.stop());
    const broker = kind === 'broker apart' ? await startBrokerApart() : undefined;
    if (broker !== undefined) closing.push(() => broker.remove());
    const disk = kind === 'small disk' ? mountSmallDisk(DISK_MB) : undefined;
    if (disk !== undefined) closing.push(() => disk.remove());
    const gateway = await makeGateway({
      databaseUrl: postgres?.url,
      mqttUrl: broker?.url,
      directory: disk?.directory,
      ...(kind === 'set clock' && {
        preload: new URL('./clock-offset.ts', import.meta.url),
        env: { FIELDLINE_BENCH_CLOCK: clock },
      }),
    });
    closing.push(() => gateway.remove());
    await gateway.start();
    const rows = openRows(postgres?.url ?? embeddedUrl(gateway.directory));
    closing.push(() => rows.close());
    return {
      ...{ kind, postgres, gateway, rows, broker, disk, close },
      setClock: aheadMs => writeFileSync(clock, String(aheadMs)),
    };
  } catch (error) {
    await close();
    throw error;
  }
}
