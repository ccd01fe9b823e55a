// One poll of a unit: all groups of its map, with the memory of what the unit refuses.
import { reasonOf } from '../kernel/fault.ts';
import type { Value } from '../reading/reading.ts';
import type { Bus } from './bus.ts';
import { isUnanswered, ModbusFault, shortReason } from './fault.ts';
import type { Field } from './field.ts';
import { type Ask, allAbsent, keyOf, type Layout, placesOf, sunspecLayout } from './layout.ts';
import { isBitTable } from './link.ts';
import { type Group, type Limits, plan, split } from './plan.ts';
import type { Timing } from './timing.ts';
import { decodeField } from './values.ts';

export type Poll = {
  telemetry: Record<string, Value>;
  /** metric → why it is absent. */
  quality: Record<string, string>;
  /** Metrics whose registers came, and are no value. */
  unusable: number;
  /** Data bytes of the answers, in the order of the groups: what is archived. */
  bytes: Uint8Array;
  /**
   * Groups that failed; the others are as good as if nothing had happened. What a unit refused is not asked for again for
   * a while: until then each poll has the very same fault.
   */
  faults: readonly ModbusFault[];
  answered: number;
};

export type Reader = {
  poll(): Promise<Poll>;
  /** Requests of a poll as they stand; none before the models of a SunSpec device are known. */
  readonly requests: readonly Group[];
};

export type ReaderOptions = {
  bus: Pick<Bus, 'read'>;
  unit: number;
  fields: readonly Field[];
  /** Addresses are offsets in the models of the unit. */
  sunspec?: boolean;
  limits: Limits;
  timing: Timing;
};

/** What a unit refused is asked for again after this time: it may have been starting up. */
export const REFUSED_MS = 60_000;

/** Requests that were divided are put together again after this time: the unit may have refused them only as it started up. */
export const DIVIDED_MS = 600_000;

type Answers = Map<string, Uint8Array | string>;

export function registerReader({ bus, unit, fields, sunspec = false, limits, timing }: ReaderOptions): Reader {
  let layout: Layout | undefined;
  let whole: readonly Group[] = [];
  let groups: readonly Group[] = [];
  let walkedAt = 0;
  let dividedAt = 0;
  let noLayout: { until: number; fault: ModbusFault } | undefined;
  const refused = new Map<Group, { until: number; fault: ModbusFault }>();
  const now = () => timing.clock.steady();
  if (!sunspec) take({ fields, absent: {} });

  function take(found: Layout): void {
    layout = found;
    whole = plan(placesOf(found.fields), limits);
    together();
  }

  function together(): void {
    groups = whole;
    refused.clear();
  }

  const ask: Ask = async request => {
    try {
      return await bus.read({ unit, ...request });
    } catch (error) {
      return error instanceof ModbusFault ? error : new ModbusFault('answer', reasonOf(error));
    }
  };

  async function askFor(group: Group): Promise<Uint8Array | ModbusFault> {
    const known = refused.get(group);
    if (known !== undefined && now() < known.until) return known.fault;
    const { table, address, count } = group;
    const data = await ask({ table, address, count });
    if (known !== undefined && !(data instanceof ModbusFault)) {
      // It answers what it refused before: everything may be different now.
      together();
    }
    return data;
  }

  /** Smaller groups in place of one that the unit refuses as a whole; they stay for the polls to come. */
  function divide(group: Group, { exception }: ModbusFault): Group[] {
    const parts = exception === 2 || exception === 3 ? split(group) : [];
    if (parts.length > 0) {
      if (groups === whole) dividedAt = now();
      groups = groups.flatMap(one => (one === group ? parts : [one]));
    }
    return parts;
  }

  function noteRefusal(group: Group, fault: ModbusFault): void {
    if (fault.kind !== 'data' || (refused.get(group)?.until ?? 0) > now()) return;
    refused.set(group, { until: now() + REFUSED_MS, fault });
    // Other models may stand there since the device was updated.
    if (sunspec && now() - walkedAt >= REFUSED_MS) layout = undefined;
  }

  /** Finds the models first where they are not known; asks a unit that has none only now and then. */
  async function find(): Promise<Layout | ModbusFault> {
    if (layout !== undefined) return layout;
    if (noLayout !== undefined && now() < noLayout.until) return noLayout.fault;
    const found = await sunspecLayout(fields, ask);
    if (found instanceof ModbusFault) {
      noLayout = found.trouble === 'answer' ? { until: now() + REFUSED_MS, fault: found } : undefined;
      return found;
    }
    walkedAt = now();
    take(found);
    return found;
  }

  return {
    get requests() {
      return groups;
    },
    async poll() {
      const found = await find();
      if (found instanceof ModbusFault)
        return {
          telemetry: {},
          quality: allAbsent(fields, found),
          unusable: 0,
          bytes: new Uint8Array(0),
          faults: [found],
          answered: 0,
        };
      // Where registers are refused for good, those alone are asked for again, and tell when that is over.
      if (groups !== whole && refused.size === 0 && now() - dividedAt >= DIVIDED_MS) together();
      const answers: Answers = new Map();
      const received: Uint8Array[] = [];
      const faults: ModbusFault[] = [];
      const work = [...groups];
      let gone: ModbusFault | undefined;
      for (let group = work.shift(); group !== undefined; group = work.shift()) {
        const data: Uint8Array | ModbusFault = gone ?? (await askFor(group));
        if (!(data instanceof ModbusFault)) {
          received.push(data);
          note(group, data, answers);
          continue;
        }
        const parts = divide(group, data);
        if (parts.length > 0) {
          work.unshift(...parts);
          continue;
        }
        noteRefusal(group, data);
        for (const place of group.fields) answers.set(keyOf(place), shortReason(data));
        if (data !== gone) faults.push(data);
        if (isUnanswered(data)) gone = data;
      }
      return { ...valuesOf(found, answers), faults, bytes: Buffer.concat(received), answered: received.length };
    },
  };
}

/** The bytes of each place of a group. */
function note(group: Group, data: Uint8Array, into: Answers): void {
  for (const place of group.fields) {
    const at = place.address - group.address;
    const own = isBitTable(group.table)
      ? Uint8Array.of(((data[at >> 3] ?? 0) >> (at & 7)) & 1)
      : data.subarray(at * 2, (at + place.span) * 2);
    into.set(keyOf(place), own);
  }
}

function valuesOf({ fields, absent }: Layout, answers: Answers): Pick<Poll, 'telemetry' | 'quality' | 'unusable'> {
  const telemetry: Record<string, Value> = {};
  const quality: Record<string, string> = { ...absent };
  let unusable = 0;
  for (const field of fields) {
    const own = answers.get(keyOf(field));
    const factor = field.factor && answers.get(keyOf(field.factor));
    if (!(own instanceof Uint8Array)) quality[field.metric] = own ?? 'not asked for';
    else {
      const decoded = decodeField(field, own, factor instanceof Uint8Array ? factor : undefined);
      if ('value' in decoded) telemetry[field.metric] = decoded.value;
      else {
        quality[field.metric] = decoded.absent;
        unusable++;
      }
    }
  }
  return { telemetry, quality, unusable };
}
