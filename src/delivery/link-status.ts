// The words and colours that a node shows of its link.
import type { BreakerState } from './breaker.ts';
import type { DiskState } from './disk-carrier.ts';
import type { OutboxState } from './outbox/outbox.ts';

export type LinkFigures = {
  perSecond: number;
  /** Rows in memory. */
  waiting: number;
  full: boolean;
  /** How long the write under way has been out. */
  unansweredMs: number;
  rejected: number;
  lastReason: string;
  /** By a full or too old outbox, or because the policy is to drop. */
  dropped: number;
  /** To a damaged outbox. */
  lost: number;
  breaker: BreakerState;
  disk: DiskState | undefined;
};
export type LinkWords = { fill: 'green' | 'yellow' | 'red'; text: string };

/** Longer than any commit of a peer that is well. */
const SILENT_MS = 3000;

/** `steadyMs` of the breaker's clock. */
export function linkWords(target: string, figures: LinkFigures, steadyMs: number): LinkWords {
  const { perSecond, waiting, full, unansweredMs, rejected, lastReason, dropped, lost, breaker, disk } = figures;
  const onDisk = disk !== undefined && 'rows' in disk ? disk : undefined;
  const parts: string[] = [];
  const silent = unansweredMs >= SILENT_MS;
  if (waiting > 0) parts.push(`${waiting} waiting`);
  if (silent) parts.push(`no answer for ${ageWords(unansweredMs)}`);
  if (onDisk !== undefined && onDisk.rows > 0) parts.push(diskWords(onDisk));
  if (full) parts.push('memory full');
  if (onDisk?.blocked) parts.push('outbox full');
  if (onDisk?.fault !== undefined) parts.push(`the disk refuses: ${onDisk.fault}`);
  if (disk !== undefined && onDisk === undefined && 'absent' in disk && disk.absent !== undefined)
    parts.push(`no outbox: ${disk.absent.message}`);
  if (dropped > 0) parts.push(`${dropped} dropped`);
  if (lost > 0) parts.push(`${lost} lost to damage`);

  if (breaker.state !== 'closed') {
    const { fault } = breaker;
    const next = breaker.state === 'probing' ? 'trying' : retryWords(breaker.retryAt - steadyMs, figures);
    const reason = fault.message.startsWith(target) ? fault.message : `${target}: ${fault.message}`;
    return { fill: 'red', text: `${[`${target} away`, next, ...parts].join(', ')}; ${reason}` };
  }
  const rate = `${perSecond.toFixed(perSecond < 10 ? 1 : 0)} rows/s`;
  const broken = onDisk?.fault !== undefined || (disk !== undefined && 'absent' in disk && disk.absent !== undefined);
  const troubled = silent || rejected + dropped + lost > 0 || full || (onDisk?.rows ?? 0) > 0;
  const refusals = rejected > 0 ? [`${rejected} rejected: ${lastReason}`] : [];
  return { fill: broken ? 'red' : troubled ? 'yellow' : 'green', text: [rate, ...parts, ...refusals].join(', ') };
}

/** With nothing to send, a peer that cannot be asked is not tried before there is something. */
function retryWords(inMs: number, { waiting, disk }: LinkFigures): string {
  const idle = waiting === 0 && !(disk !== undefined && 'rows' in disk && disk.rows > 0);
  return inMs <= 0 && idle ? 'tried with the next message' : `retry in ${Math.max(0, Math.ceil(inMs / 1000))} s`;
}

function diskWords({ rows, bytes, oldestMs }: Pick<OutboxState, 'rows' | 'bytes' | 'oldestMs'>): string {
  const age = oldestMs === undefined ? '' : `, oldest ${ageWords(oldestMs)}`;
  return `${rows} on disk (${(bytes / 1e6).toFixed(1)} MB${age})`;
}

function ageWords(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3600)} h`;
}

/** Rows per second over the last whole window. */
export function rateMeter(windowMs: number): { add(rows: number): void; perSecond(now: number): number } {
  let rows = 0;
  let since: number | undefined;
  let last = 0;
  return {
    add(more) {
      rows += more;
    },
    perSecond(now) {
      since ??= now;
      if (now - since >= windowMs) {
        last = (rows * 1000) / (now - since);
        rows = 0;
        since = now;
      }
      return last;
    },
  };
}
