// A source whose messages are in the ledger: counted when they come, and on the disk before they are acknowledged.
import type { Account } from '../kernel/ledger.ts';
import type { Source } from '../reading/contracts.ts';
import type { LedgerFile } from './ledger-file.ts';

/** The same contract as `source`; its messages carry their entry. */
export function counted(source: Source, account: Account, file: LedgerFile): Source {
  return onMessage => {
    const leaving = new Set<Promise<void>>();
    const handle = source((raw, settle) => {
      const entry = account.enter(raw.sequence, raw.receivedAt);
      if (entry !== undefined) raw.entry = entry;
      onMessage(raw, settled => {
        if (!settled.ok || entry === undefined) return settle(settled);
        account.leave(entry);
        const left = file.commit().then(() => {
          leaving.delete(left);
          settle(settled);
        });
        leaving.add(left);
      });
    });
    return {
      pause: () => handle.pause(),
      resume: () => handle.resume(),
      async close() {
        await Promise.all(leaving);
        account.close();
        await handle.close();
      },
    };
  };
}
