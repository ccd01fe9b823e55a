// A source whose messages are in the ledger: counted when they come, and on the disk before they are acknowledged.
import type { Account } from '../kernel/ledger.ts';
import type { Settled } from '../kernel/ticket.ts';
import type { Source } from '../reading/contracts.ts';
import type { LedgerFile } from './ledger-file.ts';

/** The same contract as `source`; its messages carry their entry. */
export function counted(source: Source, account: Account, file: LedgerFile): Source {
  return onMessage => {
    const leaving = new Set<Promise<void>>();
    // What settles in one turn, a batch mostly, leaves with one commit.
    let settling: (() => void)[] = [];
    function leave(): void {
      const acknowledge = settling;
      settling = [];
      const left = file.commit().then(() => {
        leaving.delete(left);
        for (const one of acknowledge) one();
      });
      leaving.add(left);
    }
    const handle = source((raw, settle) => {
      const entry = account.enter(raw.sequence, raw.receivedAt);
      if (entry !== undefined) raw.entry = entry;
      onMessage(raw, (settled: Settled) => {
        if (!settled.ok || entry === undefined) return settle(settled);
        account.leave(entry);
        if (settling.push(() => settle(settled)) === 1) queueMicrotask(leave);
      });
    });
    return {
      pause: () => handle.pause(),
      resume: () => handle.resume(),
      async close() {
        if (settling.length > 0) leave();
        await Promise.all(leaving);
        account.close();
        await handle.close();
      },
    };
  };
}
