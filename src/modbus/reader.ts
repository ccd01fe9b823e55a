// One poll of a unit: all groups of its map, with the memory of what the unit refuses.
import type { Value } from '../reading/reading.ts';
import { reasonOf } from '../kernel/fault.ts';
import type { Bus } from './bus.ts';
import { isUnanswered, ModbusFault, shortReason } from './fault.ts';
import { isBitTable } from './link.ts';
import { type Group, type Limits, plan, split } from './plan.ts';
import type { Timing } from './timing.ts';
import { decodeField, type Field } from './values.ts';

export type Poll = {
  telemetry: Record<string, Value>;
  /** metric → why it is absent. */
  quality: Record<string, string>;
  /** Data bytes of the answers, in the order of the groups: what is archived. */
  bytes: Uint8Array;
  /** Groups that failed; the others are as good as if nothing had happened. */
  faults: readonly ModbusFault[];
  answered: number;
};

export type Reader = {
  poll(): Promise<Poll> /** Requests of a poll as they stand. */;
  readonly requests: readonly Group[];
};

export type ReaderOptions = {
  bus: Pick<Bus, 'read'>;
  unit: number;
  fields: readonly Field[];
  limits: Limits;
  timing: Timing;
};

/** What a unit refused is asked for again after this time: it may have been starting up. */
export const REFUSED_MS = 60_000;

export function registerReader({ bus, unit, fields, limits, timing }: ReaderOptions): Reader {
  const whole = plan(fields, limits);
  let groups = whole;
  const refused = new Map<Group, { until: number; fault: ModbusFault }>();

  async function ask(group: Group): Promise<Uint8Array | ModbusFault> {
    const known = refused.get(group);
    if (known !== undefined && timing.clock.steady() < known.until) return known.fault;
    try {
      const { table, address, count } = group;
      const data = await bus.read({ unit, table, address, count });
      if (known !== undefined) {
        // It answers what it refused before: everything may be different now.
        groups = whole;
        refused.clear();
      }
      return data;
    } catch (error) {
      return error instanceof ModbusFault ? error : new ModbusFault('answer', reasonOf(error));
    }
  }

  /** Smaller groups in place of one that the unit refuses as a whole; they stay for the polls to come. */
  function divide(group: Group, { exception }: ModbusFault): Group[] {
    const parts = exception === 2 || exception === 3 ? split(group) : [];
    if (parts.length > 0) groups = groups.flatMap(one => (one === group ? parts : [one]));
    return parts;
  }

  function noteRefusal(group: Group, fault: ModbusFault): void {
    const now = timing.clock.steady();
    if (fault.kind === 'data' && (refused.get(group)?.until ?? 0) <= now)
      refused.set(group, { until: now + REFUSED_MS, fault });
  }

  return {
    get requests() {
      return groups;
    },
    async poll() {
      const poll: Poll = { telemetry: {}, quality: {}, bytes: new Uint8Array(0), faults: [], answered: 0 };
      const received: Uint8Array[] = [];
      const faults: ModbusFault[] = [];
      const work = [...groups];
      let gone: ModbusFault | undefined;
      for (let group = work.shift(); group !== undefined; group = work.shift()) {
        const data: Uint8Array | ModbusFault = gone ?? (await ask(group));
        if (!(data instanceof ModbusFault)) {
          poll.answered++;
          received.push(data);
          decodeGroup(group, data, poll);
          continue;
        }
        const parts = divide(group, data);
        if (parts.length > 0) {
          work.unshift(...parts);
          continue;
        }
        noteRefusal(group, data);
        for (const field of group.fields) poll.quality[field.metric] = shortReason(data);
        if (data !== gone) faults.push(data);
        if (isUnanswered(data)) gone = data;
      }
      return { ...poll, faults, bytes: Buffer.concat(received) };
    },
  };
}

function decodeGroup(group: Group, data: Uint8Array, into: Pick<Poll, 'telemetry' | 'quality'>): void {
  for (const field of group.fields) {
    const at = field.address - group.address;
    const own = isBitTable(group.table)
      ? Uint8Array.of(((data[at >> 3] ?? 0) >> (at & 7)) & 1)
      : data.subarray(at * 2, (at + field.span) * 2);
    const decoded = decodeField(field, own);
    if ('value' in decoded) into.telemetry[field.metric] = decoded.value;
    else into.quality[field.metric] = decoded.absent;
  }
}
