// A user's decoder files as decoders that can be asked like any other: tried first, then kept in a thread, with a time limit.
import type { Advert } from '../reading/advert.ts';
import type { AdvertDecoder, Decoded } from './define.ts';
import type { DecoderFile, LoadedDecoder, LoadedFolder } from './load-folder.ts';
import { type Answer, type Facts, startThread, type UserThread } from './user-thread.ts';

/** In ms: to load a file, and for one question about an advert. Each is granted twice, for a machine that was busy elsewhere. */
export type Limits = { load: number; advert: number };

// Plenty: they take some milliseconds and some microseconds. And a dialog that meets an endless file answers within its ten seconds.
const LIMITS: Limits = { load: 2000, advert: 250 };

export type UserFiles = {
  /** Files that are new are tried; one that did not change is the same object as before. */
  load(files: readonly DecoderFile[]): Promise<LoadedFolder>;
  close(): void;
};

/** `onBreach`: a decoder that had gone through its trial is set aside, until its file changes. */
export function openUserFiles(
  onBreach: (decoder: LoadedDecoder, why: string) => void,
  limits: Limits = LIMITS,
): UserFiles {
  /** By href: the decoder, or what is wrong with the file. */
  let known = new Map<string, LoadedDecoder | { fault: string }>();
  let thread: UserThread | undefined;
  /** The file that is asked, or was last. */
  let asked = '';
  let closed = false;

  /** Whoever was asked last when the thread ended is set aside; the others get a thread anew. */
  function setAside(): void {
    const why = thread?.ended();
    if (why === undefined) return;
    thread = undefined;
    const state = known.get(asked);
    if (state === undefined || 'fault' in state) return;
    const fault = `${state.file}: ${why}; left out until the file changes`;
    known.set(asked, { fault });
    onBreach(state, fault);
  }

  function begun(): UserThread {
    return startThread([...known].flatMap(([href, state]) => ('fault' in state ? [] : [href])));
  }

  function answerOf(href: string, ask: 'matches' | 'decode', advert: Advert): unknown {
    setAside();
    const state = known.get(href);
    if (state !== undefined && 'fault' in state) throw new Error(state.fault);
    if (closed) throw new Error('its folder is closed');
    asked = href;
    const question = { ask, href, advert };
    thread ??= begun();
    let answer = thread.askAtOnce(question, limits.advert);
    if (thread.ended() !== undefined) {
      thread = begun();
      answer = thread.askAtOnce(question, limits.advert);
      setAside();
    }
    if ('fault' in answer) throw new Error(answer.fault);
    return answer.value;
  }

  function decoderOf(href: string, { value }: { value: unknown }): AdvertDecoder {
    return {
      ...(value as Facts),
      matches: advert => Boolean(answerOf(href, 'matches', advert)),
      decode: advert => answerOf(href, 'decode', advert) as Decoded,
    };
  }

  async function tried(files: readonly DecoderFile[]): Promise<void> {
    let trial = startThread();
    const tryOut = async (href: string): Promise<Answer> => {
      if (trial.ended() !== undefined) trial = startThread();
      const facts = await trial.ask({ ask: 'load', href }, limits.load);
      if ('fault' in facts) return facts;
      const outcome = await trial.ask({ ask: 'try', href }, limits.advert);
      return 'fault' in outcome ? outcome : facts;
    };
    for (const { file, href } of files) {
      let answer = await tryOut(href);
      if (trial.ended() !== undefined) answer = await tryOut(href);
      known.set(
        href,
        'fault' in answer ? { fault: `${file}: ${answer.fault}` } : { file, decoder: decoderOf(href, answer) },
      );
    }
    trial.stop();
  }

  /** A thread that has exactly the files that stand; until it is ready the one before it answers. */
  async function renew(): Promise<void> {
    const next = [...known.values()].some(state => 'decoder' in state) ? begun() : undefined;
    await next?.ready();
    thread?.stop();
    thread = next;
    if (closed) next?.stop();
  }

  return {
    async load(files) {
      const fresh = files.filter(({ href }) => !known.has(href));
      if (fresh.length > 0) await tried(fresh);
      const here = new Set(files.map(({ href }) => href));
      if (fresh.length > 0 || known.size > here.size) {
        known = new Map([...known].filter(([href]) => here.has(href)));
        await renew();
      }
      const loaded: LoadedDecoder[] = [];
      const faults = new Map<string, string>();
      for (const { file, href } of files) {
        const state = known.get(href);
        if (state === undefined) continue;
        if ('fault' in state) faults.set(file, state.fault);
        else loaded.push(state);
      }
      return { loaded, faults };
    },
    close() {
      closed = true;
      thread?.stop();
      thread = undefined;
    },
  };
}
