// Child process of the journal test: appends from eight lanes and tells how many are on the disk and what is wrong, until 400 are.
import { openJournal } from '../../src/delivery/journal/journal.ts';

// Not to outlive a test that failed.
process.on('disconnect', () => process.exit(1));

const journal = await openJournal(process.argv[2] ?? '');
let kept = 0;
const tell = (): boolean | undefined => process.send?.({ kept, fault: journal.state().fault });
const lanes = Array.from({ length: 8 }, async () => {
  while (kept < 400) {
    await journal.append('', new Uint8Array(2000), ['a']);
    kept++;
  }
});
const clockwork = setInterval(tell, 20);
await Promise.all(lanes);
clearInterval(clockwork);
tell();
await journal.close();
process.exit(0);
