// One line with its units: keeps the link up, sends each unit's requests in turn, and lets no unit wait for another that is silent.
import { reasonOf } from '../kernel/fault.ts';
import { isUnreachable, ModbusFault } from './fault.ts';
import { type Job, type Lane, type Looking, laneOf, type Quarantine } from './lane.ts';
import { type Connect, isWrite, type Link, type ReadRequest, type Request, type WriteRequest } from './link.ts';
import { keepLink, type LinkState } from './link-keeper.ts';
import { patienceOf } from './patience.ts';
import type { Timing } from './timing.ts';

export type BusOptions = {
  /** Part of topics and messages. */
  name: string;
  connect: Connect;
  /** For a unit that has not shown yet how long it takes. */
  timeoutMs: number;
  /** Requests out at once, over all units; one per unit. 1 = strictly one after the other. */
  parallel: number;
  quarantine: Quarantine;
  timing: Timing;
  random?: () => number;
};

export type Bus = {
  readonly name: string;
  readonly state: LinkState;
  /** Why the link is not up. */
  readonly reason: string;
  /** Requests that wait or are out. */
  readonly depth: number;
  /** Times a link was lost. */
  readonly losses: number;
  /** Units in quarantine. */
  readonly quarantined: readonly number[];
  /**
   * The data bytes of the answer. Rejects with a ModbusFault, always within bounded time. `looking`: nobody knows whether
   * there is such a unit, and who looks says how long it is waited for; that it does not answer says nothing about the
   * link, and puts no unit into quarantine.
   */
  read(request: ReadRequest, looking?: Looking): Promise<Uint8Array>;
  /** Resolves when the unit has confirmed. Never sent twice: after a fault nobody knows whether it was carried out. */
  write(request: WriteRequest): Promise<void>;
  close(): Promise<void>;
};

export function openBus(options: BusOptions): Bus {
  const { name, timeoutMs, parallel, quarantine, timing } = options;
  const lanes = new Map<number, Lane>();
  const shared = parallel === 1;
  const line = keepLink({
    connect: options.connect,
    timing,
    random: options.random,
    onUp: sendNext,
    onAway: refuseAll,
  });
  let out = 0;
  let suspectsOut = 0;

  function refuseAll(): void {
    for (const lane of lanes.values()) for (const job of lane.waiting.splice(0)) job.reject(line.unsent());
  }

  /** In turn over the units, so that a busy unit does not keep the others waiting. */
  function sendNext(): void {
    for (const lane of [...lanes.values()]) {
      const { link } = line;
      if (!link?.alive || out >= parallel) return;
      if (lane.busy) continue;
      // One place stays free for units that answer.
      if (lane.suspect && parallel > 1 && suspectsOut >= parallel - 1) continue;
      const job = lane.waiting.shift();
      if (job === undefined) continue;
      lanes.delete(lane.unit);
      lanes.set(lane.unit, lane);
      void send(link, lane, job);
    }
  }

  async function send(via: Link, lane: Lane, job: Job): Promise<void> {
    const suspect = lane.suspect ? 1 : 0;
    // However slow it was when it lived, a dead unit costs the others of its line no more than any other one.
    const probe = shared && lane.quarantined;
    const patienceMs = probe ? Math.min(lane.patience.ms, timeoutMs) : lane.patience.ms;
    let cameLate = false;
    lane.busy = true;
    out++;
    suspectsOut += suspect;
    try {
      const data = await via.ask(job.request, job.looking?.timeoutMs ?? patienceMs, {
        blame: lane.silent || job.looking ? 'unit' : 'link',
        heard(ms, late) {
          cameLate = late;
          lane.patience.heard(ms, late);
        },
      });
      line.answered();
      lane.answered();
      job.resolve(data);
    } catch (error) {
      const fault = error instanceof ModbusFault ? error : new ModbusFault('answer', reasonOf(error));
      failed(lane, job, fault, probe && cameLate);
    }
    lane.busy = false;
    out--;
    suspectsOut -= suspect;
    sendNext();
  }

  function failed(lane: Lane, job: Job, fault: ModbusFault, late: boolean): void {
    if (fault.trouble === 'link' && !job.resent && !isWrite(job.request) && !line.isClosing) {
      // Reading twice does no harm, and the loss may be the fault of another unit.
      lane.waiting.unshift({ ...job, resent: true });
      return;
    }
    if (!job.looking && (fault.trouble === 'timeout' || isUnreachable(fault.exception))) {
      lane.failed(fault, timing.clock.steady(), late);
      if (lane.quarantined) for (const other of lane.waiting.splice(0)) other.reject(fault);
    } else if (fault.trouble === 'exception') {
      line.answered();
      lane.answered();
    }
    job.reject(fault);
  }

  function ask(request: Request, looking?: Looking): Promise<Uint8Array> {
    if (line.state === 'away' || line.state === 'closed') return Promise.reject(line.unsent());
    const { unit } = request;
    const lane = lanes.get(unit) ?? laneOf(unit, quarantine, patienceOf(timeoutMs, shared));
    lanes.set(unit, lane);
    const refusal = lane.refusal(timing.clock.steady(), looking !== undefined);
    if (refusal !== undefined) return Promise.reject(refusal);
    return new Promise((resolve, reject) => {
      lane.waiting.push({ request, resolve, reject, looking, resent: false });
      sendNext();
    });
  }

  return {
    name,
    get state() {
      return line.state;
    },
    get reason() {
      return line.reason;
    },
    get depth() {
      return out + [...lanes.values()].reduce((sum, lane) => sum + lane.waiting.length, 0);
    },
    get losses() {
      return line.losses;
    },
    get quarantined() {
      return [...lanes.values()].filter(lane => lane.quarantined).map(lane => lane.unit);
    },
    read: ask,
    async write(request) {
      await ask(request);
    },
    async close() {
      await line.close();
      refuseAll();
    },
  };
}
