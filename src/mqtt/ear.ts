// Ear: what the states of a subscription mean for the silence of the devices behind it.
import { listening } from '../reading/listening.ts';
import type { SourceHooks } from './source-state.ts';

/** The same hooks; `source`: its id in the ledger. `heard` is to be called with each message. */
export function withEar(source: string, hooks: SourceHooks, now?: () => number): SourceHooks & { heard(): void } {
  const ear = listening(source, now);
  let isListening = false;
  let hasTimes = false;
  return {
    ...hooks,
    heard: ear.heard,
    onState(state) {
      isListening = state.state === 'subscribed';
      // The journal goes on without us, and keeps when each message came.
      if (state.state === 'subscribed') hasTimes = state.via === 'journal';
      if (isListening) ear.hears();
      else if (state.state === 'offline' || state.state === 'refused') ear.deaf('peer');
      else if (state.state === 'closed' && !hasTimes) ear.deaf('ours');
      hooks.onState?.(state);
    },
    onWindow(full) {
      if (full && !hasTimes) ear.deaf('ours');
      else if (isListening) ear.hears();
      hooks.onWindow?.(full);
    },
  };
}
