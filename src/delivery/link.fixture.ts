// A link over a scripted peer, for its tests: a folder for its outbox, time that passes as soon as somebody waits for it, and all that it tells.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fakeClock } from '../kernel/clock.ts';
import { Fault } from '../kernel/fault.ts';
import type { Outcome } from '../reading/contracts.ts';
import { type DiskPolicy, type Link, type LinkOptions, type LinkPolicy, openLink } from './link.ts';
import { drain } from './outbox/outbox.fixture.ts';
import { openOutbox } from './outbox/outbox.ts';

export type Row = { n: number; device: number };
export const row = (n: number): Row => ({ n, device: n % 3 });
export const rows = (from: number, count: number): Row[] => Array.from({ length: count }, (_, at) => row(from + at));
export const numbersOf = (members: readonly Row[]): number[] => members.map(({ n }) => n);
export const outage = new Fault('FIELDLINE_DATABASE', 'peer: away', { kind: 'outage' });
/** As long as a close may take here: it never runs out. */
export const GRACE_MS = 4321;
const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await turn();
}

/** To be called in a `describe`: each of its tests begins with an empty folder, and leaves neither link nor file. */
export function linkPlace() {
  let folder = '';
  let file = '';
  let links: Link<Row>[] = [];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'link-'));
    file = join(folder, 'outbox', 'n.outbox');
    links = [];
  });
  afterEach(async () => {
    await Promise.all(links.map(link => link.close(0)));
    rmSync(folder, { recursive: true, force: true });
  });
  const disk = (more: object = {}): DiskPolicy => ({
    ...{ kind: 'disk', file, maxBytes: 10e6, maxAgeMs: Infinity, full: 'block' },
    ...more,
  });

  /** With a peer that keeps rows, refuses those below 0, and is up or not. */
  function bench(policy: LinkPolicy, options: Partial<LinkOptions<Row>> = {}) {
    const clock = fakeClock();
    const peer = { up: true, tries: 0, stored: [] as number[], writes: [] as number[][], choke: Number.NaN };
    const counts: Record<string, number> = {};
    const log: string[] = [];
    const drained: [number, Outcome][] = [];
    const dropped: number[] = [];
    let status = '';
    let shown = 0;
    let up: number | undefined;
    const link = openLink<Row>(
      {
        async write(members) {
          peer.tries++;
          await turn();
          if (!peer.up) throw outage;
          if (members.some(({ n }) => n === peer.choke)) throw new TypeError('choked');
          peer.writes.push(numbersOf(members));
          return members.map(({ n }): Outcome => {
            if (n < 0) return { rejected: `${n} is negative` };
            if (peer.stored.includes(n)) return 'duplicate';
            peer.stored.push(n);
            return 'stored';
          });
        },
        close: async () => {},
      },
      {
        target: 'peer',
        policy,
        clock,
        random: () => 1,
        after(ms, run) {
          if (ms === GRACE_MS) return () => {};
          const immediate = setImmediate(() => {
            clock.advance(ms);
            run();
          });
          return () => clearImmediate(immediate);
        },
        host: {
          status: (fill, text) => {
            status = `${fill} ${text}`;
            shown++;
          },
          count(name, by = 1, labels = {}) {
            const key = [name, ...Object.values(labels)].join(' ');
            counts[key] = (counts[key] ?? 0) + by;
          },
          gauge(name, value) {
            if (name === 'fieldline_peer_up') up = value;
          },
          log: (level, text) => log.push(`${level} ${text}`),
        },
        async onDrained(members, outcomes) {
          for (const [at, { n }] of members.entries()) drained.push([n, outcomes[at]!]);
        },
        onDropped(members) {
          dropped.push(...numbersOf(members));
        },
        ...options,
      },
    );
    links.push(link);
    /** The link has looked after itself, once from beginning to end. */
    async function ticked(): Promise<void> {
      const before = shown;
      await until(() => shown > before + 1);
    }
    return { link, peer, counts, log, drained, dropped, clock, ticked, status: () => status, up: () => up };
  }
  /** What lies in the file once its link is closed. */
  async function lying(): Promise<number[]> {
    const outbox = await openOutbox<Row>(file);
    const found = numbersOf(await drain(outbox));
    await outbox.close();
    return found;
  }
  return { disk, bench, lying, file: () => file };
}
