// The thread of a user's decoder files: loads them and answers what it is asked, one question at a time.
import { workerData } from 'node:worker_threads';
import { reasonOf } from '../kernel/fault.ts';
import type { AdvertDecoder } from './define.ts';
import { decoderOf } from './load-folder.ts';
import { trialFault } from './trial.ts';
import { ANSWERED, type Answer, type Beginning, type Facts, type Question, READY } from './user-thread.ts';

const { hrefs, steps, port } = workerData as Beginning;
const loaded = new Map<string, AdvertDecoder>();

async function decoderAt(href: string): Promise<AdvertDecoder> {
  const decoder = loaded.get(href) ?? (await decoderOf(href));
  loaded.set(href, decoder);
  return decoder;
}

function factsOf({ name, vendor, models, generic, keys, ranges, source, examples }: AdvertDecoder): Facts {
  return { name, vendor, models, generic, keys, ranges, source, examples };
}

function tryOut(decoder: AdvertDecoder): void {
  const wrong = trialFault(decoder, () => step(ANSWERED));
  if (wrong !== undefined) throw new Error(wrong);
}

async function answerTo(question: Question): Promise<Answer> {
  try {
    const decoder = await decoderAt(question.href);
    if ('advert' in question) return { value: decoder[question.ask](question.advert) };
    return { value: question.ask === 'load' ? factsOf(decoder) : tryOut(decoder) };
  } catch (error) {
    return { fault: reasonOf(error) };
  }
}

// What a file has left behind, a timer or a promise, may fail while another one is asked, who would be taken for it.
for (const event of ['uncaughtException', 'unhandledRejection']) process.on(event, () => {});

function step(which: number): void {
  Atomics.add(steps, which, 1);
  Atomics.notify(steps, which);
}

port.on('message', async (question: Question) => {
  const answer = await answerTo(question);
  try {
    port.postMessage(answer);
  } catch (error) {
    // A function or a promise, say: no value that leaves a thread.
    port.postMessage({ fault: reasonOf(error) } satisfies Answer);
  }
  step(ANSWERED);
});
// One that fails to load is asked for again, and says why then.
for (const href of hrefs) await decoderAt(href).catch(() => {});
step(READY);
