// Child process of the journal test: appends without end and reports each number that is on the disk, until it is killed.
import { openJournal } from '../../src/delivery/journal/journal.ts';

// Not to outlive a test that failed.
process.on('disconnect', () => process.exit(1));

const journal = await openJournal(process.argv[2] ?? '');
for (let lane = 0; lane < 16; lane++)
  void (async () => {
    for (;;) process.send?.(await journal.append('', new Uint8Array(200), ['a']));
  })();
