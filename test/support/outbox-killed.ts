// Child process of the outbox test: keeps rows without end and reports each number that is on the disk, until it is killed.
import { openOutbox } from '../../src/delivery/outbox/outbox.ts';

const outbox = await openOutbox<number>(process.argv[2] ?? '');
let next = 0;
for (let lane = 0; lane < 4; lane++)
  void (async () => {
    for (;;) {
      const rows = Array.from({ length: 25 }, () => next++);
      await outbox.append(rows);
      process.send?.(rows.at(-1));
    }
  })();
