// radio: how long measurements and adverts are away after every fault of adapter, link and process.
import { setTimeout as wait } from 'node:timers/promises';
import { radioTimes } from '../../src/radio/child-messages.ts';
import { type Fault, faults } from '../../test/radio/faults.ts';
import { nobleIsHere } from '../../test/radio/noble-here.ts';
import { type World, world } from '../../test/radio/world.ts';
import { type Figure, ms } from '../figure.ts';
import { median } from '../machine.ts';

const killed = (['SIGKILL', 'SIGSEGV', 'SIGSTOP'] as const).map(
  (signal): Fault => [`the process gets ${signal}`, ({ radio }) => process.kill(radio.pid!, signal)],
);
/** What was on its way when the fault struck does not count as recovered. */
const ON_ITS_WAY_MS = 60;

export const radio: Figure = {
  says: 'recovery of the real noble on an emulated controller, fault by fault',
  defaults: { runs: 3 },
  async run({ runs }, report) {
    if (!nobleIsHere) return report.note('Not measured: @abandonware/noble is not installed.');
    report.table('From the fault to the next one that comes through, ms', [
      'fault',
      'measurement',
      'slowest',
      'advert',
      'slowest',
    ]);
    for (const fault of [...faults, ...killed]) {
      const measured: number[] = [];
      const heard: number[] = [];
      for (let run = 0; run < runs; run++) {
        const scene = await world({ times: radioTimes });
        try {
          await Promise.all([scene.measured(), scene.heard()]);
          const took = await recovery(scene, fault);
          measured.push(took.measured);
          heard.push(took.heard);
        } finally {
          await scene.close();
        }
      }
      report.row(fault[0], ms(median(measured)), ms(Math.max(...measured)), ms(median(heard)), ms(Math.max(...heard)));
    }
  },
};

async function recovery(scene: World, [, strike]: Fault): Promise<{ measured: number; heard: number }> {
  const began = performance.now();
  await strike(scene);
  await wait(ON_ITS_WAY_MS);
  const since = async (done: Promise<void>): Promise<number> => {
    await done;
    return performance.now() - began;
  };
  const [measured, heard] = await Promise.all([since(scene.measured()), since(scene.heard())]);
  return { measured, heard };
}
