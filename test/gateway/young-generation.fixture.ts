// A process that works little, then much, and prints the room for what is young (MB) after each.
import { getHeapSpaceStatistics } from 'node:v8';
import { setTimeout as wait } from 'node:timers/promises';
import { until } from '../support/until.ts';
import { growUnderLoad, keepRoom } from '../../gateway/young-generation.ts';

const room = (): number =>
  getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')!.space_size / 2 ** 20;
/** Both halves of the least room that the test asks for. */
const SMALL = 4;
let young: object[] = [];

/** Makes objects of which many survive their first collection. */
function work(objects: number): void {
  for (let n = 0; n < objects; n++) young.push({ n, pair: [n, n + 1], text: `of ${n}` });
  if (young.length > 60_000) young = young.slice(30_000);
}

keepRoom();
const stop = growUnderLoad(500, 0.3);
// Enough to fill the room several times, a tenth of a second for each look.
for (let turn = 0; turn < 100; turn++) {
  work(600);
  await wait(20);
}
const little = room();
// V8 may take the room back at any collection, so that the most counts.
let most = 0;
await until(() => {
  work(60_000);
  most = Math.max(most, room());
  return most > SMALL;
});
stop();
process.stdout.write(JSON.stringify([little, most]));
