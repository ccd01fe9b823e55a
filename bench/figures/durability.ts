// durability: every fault of the table under load, at random moments of a seed; published = committed, to the message.
import { cameIn, difference, inFlight } from '../../src/kernel/ledger.ts';
import { type Cell, type Figure, ms, type Report } from '../figure.ts';
import { type Everything, measureEverything } from '../durability/everything.ts';
import { type Fault, faults } from '../durability/faults.ts';
import { isExact, measure, type Outcome } from '../durability/measure.ts';
import { openScene, type Scene, type SceneKind, whyNoScene } from '../durability/scene.ts';

function cellsOf(outcome: Outcome, fault: Fault): readonly Cell[] {
  const { archive, unacknowledged, foreign, staleDevices } = outcome;
  const beside = [
    unacknowledged > 0 && `${unacknowledged} not acknowledged`,
    foreign > 0 && `${foreign} foreign`,
    staleDevices > 0 && `${staleDevices} devices without their last value`,
  ].filter(text => text !== false);
  return [
    ...[fault.says, outcome.times, fault.timedOnly ? 'its own' : 'half of them', outcome.published, outcome.committed],
    ...[`${outcome.lost} / ${archive.lost}`, `${outcome.duplicates} / ${archive.duplicates}`, beside.join(', ') || '–'],
    ...[ms(outcome.longestPauseMs), outcome.memoryPeakMb, outcome.seconds, outcome.load],
  ];
}

/** The part that breaks everything under a load of every kind of source. */
const EVERYTHING = 'everything';

function tell({ arrivals, lines, struck, troubles, seconds }: Everything, seed: number, report: Report): void {
  report.table(`seed ${seed}, every kind of source and link at once`, [
    ...['source', 'arrives at the', 'sent', 'there', 'lost', 'again', 'cut off, and told'],
    ...['ledger: in', 'stored', 'duplicates', 'dead letters', 'dropped', 'in flight', 'difference'],
  ]);
  for (const { source, where, sent, found, lost, again, cutOff } of arrivals) {
    const line = lines.find(({ name }) => name === source);
    const kept = line && [
      ...[cameIn(line), line.stored, line.duplicates, line.deadLetters, line.dropped, inFlight(line), difference(line)],
    ];
    report.row(source, where, sent, found, lost, again, cutOff, ...(kept ?? ['not in the ledger']));
  }
  report.note(`${struck.length} faults in ${seconds} s (${struck.join(', ')}), ${troubles} of the links' peers.`);
}

/** Faults of one scene share it, one after the other; after a failure the next one gets a fresh scene. */
export const durability: Figure = {
  says: 'every fault under load at random moments: nothing lost, nothing twice (--seed, --short, --only)',
  defaults: { rates: [2000], runs: 1 },
  async run({ runs, rates, seed: first, short, only }, report) {
    const names = [...faults.map(({ name }) => name), EVERYTHING];
    if (only.some(name => !names.includes(name)))
      throw new Error(`--only: expected of ${names.join(', ')}, got ${only.join(', ')}`);
    const wanted = (name: string) => only.length === 0 || only.includes(name);
    const chosen = faults.filter(({ name }) => wanted(name));
    const outcomes: ((Outcome | Everything) & { seed: number })[] = [];
    const failures: string[] = [];
    for (let seed = first; seed < first + runs; seed++) {
      if (chosen.length > 0)
        report.table(`seed ${seed}, ${rates[0]} messages/s with QoS 1`, [
          ...[
            'fault',
            'times',
            'time in the message',
            'published',
            'committed',
            'lost (readings / archive)',
            'duplicate rows (…)',
            'else',
          ],
          ...['longest pause ms', 'memory peak MB', 'seconds', 'load'],
        ]);
      let scene: Scene | undefined;
      const sceneOf = async (kind: SceneKind): Promise<Scene> => {
        if (scene?.kind === kind) return scene;
        await scene?.close();
        scene = undefined;
        scene = await openScene(kind);
        return scene;
      };
      for (const fault of chosen) {
        const why = whyNoScene(fault.scene);
        if (why !== undefined) {
          report.row(fault.says, `left out: ${why}`);
          continue;
        }
        try {
          const outcome = await measure(fault, await sceneOf(fault.scene), { seed, rate: rates[0]!, short });
          outcomes.push({ seed, ...outcome });
          report.row(...cellsOf(outcome, fault));
          if (!isExact(outcome)) failures.push(`${fault.name} (seed ${seed}): ${outcome.firstLost.join(', ')}`);
        } catch (error) {
          failures.push(`${fault.name} (seed ${seed}): ${(error as Error).message}`);
          report.row(fault.says, 'failed');
          const broken = scene as Scene | undefined;
          scene = undefined;
          await broken?.close();
        }
      }
      await (scene as Scene | undefined)?.close();
      if (!wanted(EVERYTHING)) continue;
      scene = await openScene('plain');
      try {
        // Beside four other kinds of sources, each with its own.
        const outcome = await measureEverything(scene, { seed, rate: rates[0]! / 4, short });
        outcomes.push({ seed, ...outcome });
        tell(outcome, seed, report);
        failures.push(...outcome.wrong.map(what => `${EVERYTHING} (seed ${seed}): ${what}`));
      } catch (error) {
        failures.push(`${EVERYTHING} (seed ${seed}): ${(error as Error).message}`);
      }
      await scene.close();
    }
    report.data(outcomes);
    report.note(
      failures.length === 0 ? 'Everything that was published is there, once.' : `Not exact: ${failures.join('; ')}.`,
    );
    if (failures.length > 0) process.exitCode = 1;
  },
};
