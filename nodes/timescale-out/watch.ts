// What a running timescale-out lets be seen: its status, its last error and the last reading, for the dialog.
import type { LinkHost } from '../../src/delivery/link.ts';
import type { Host } from '../../src/palette/define.ts';
import { isReading, type Reading } from '../../src/reading/reading.ts';
import type { Carried } from './carried.ts';

export type Watch = {
  readonly last: { row: Reading; topic: string | undefined } | undefined;
  /** As under the node: rate, what waits, why it waits. */
  readonly status: { fill: string; text: string };
  readonly lastError: { at: string; text: string } | undefined;
  saw(rows: readonly Carried[]): void;
  failed(reason: string): void;
  /** Why the table as it is cannot be written to; undefined: it can. */
  mend(reason: string | undefined): void;
  /** For the link: tells the host, and takes note. */
  readonly host: LinkHost;
  close(): void;
};

const running = new Map<string, Watch>();

export function watchOf(node: unknown): Watch | undefined {
  return running.get(String(node));
}

export function openWatch(host: Host): Watch {
  let last: Watch['last'];
  let status = { fill: 'grey', text: '' };
  let lastError: Watch['lastError'];
  let broken: string | undefined;
  const watch: Watch = {
    get last() {
      return last;
    },
    get status() {
      return status;
    },
    get lastError() {
      return lastError;
    },
    saw(rows) {
      const newest = rows.at(-1);
      if (isReading(newest?.row)) last = { row: newest.row, topic: newest.topic };
    },
    failed(reason) {
      lastError = { at: new Date().toISOString(), text: reason };
    },
    mend(reason) {
      if (reason !== undefined && reason !== broken) watch.failed(reason);
      broken = reason;
    },
    host: {
      status(fill, text) {
        // A link that has nothing to write does not know yet that it could not.
        status = broken === undefined || fill === 'red' ? { fill, text } : { fill: 'red', text: broken };
        host.status(status.fill as typeof fill, status.text);
      },
      log(level, text) {
        if (level !== 'info') watch.failed(text);
        host.log(level, text);
      },
      count: host.count,
      gauge: host.gauge,
    },
    close() {
      if (running.get(host.id) === watch) running.delete(host.id);
    },
  };
  running.set(host.id, watch);
  return watch;
}
