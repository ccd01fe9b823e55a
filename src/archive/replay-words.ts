// The words and figures that tell how far a replay is, for a node's status, its progress output and the command line.
import type { DeskState } from './replay-desk.ts';
import type { Asked, Replay } from './replays.ts';

export type ReplayProgress = {
  id: number;
  state: 'running' | 'done' | 'stopped' | 'failed';
  selection: Replay['selection'];
  settled: number;
  failed: number;
  total: number | undefined;
  perSecond: number;
  /** Time in the archive that it has come to. */
  at: string | undefined;
  /** Why it has failed, or does not go on just now. */
  reason: string | undefined;
};

/** `1200 of 5000 (24 %), 1 given up`. */
export function replayFigures({ settled, failed, total }: Pick<Replay, 'settled' | 'failed' | 'total'>): string {
  const share = total === undefined || total === 0 ? '' : ` (${Math.min(100, Math.floor((settled / total) * 100))} %)`;
  return `${settled}${total === undefined ? '' : ` of ${total}`}${share}${failed > 0 ? `, ${failed} given up` : ''}`;
}

/** The same of one that is done: what it should have come to and did not was dropped from the archive meanwhile. */
export function doneFigures(replay: Pick<Replay, 'settled' | 'failed' | 'total'>): string {
  if (replay.settled === 0 && replay.total === 0) return 'nothing in the archive is of this selection';
  const gone = Math.max(0, (replay.total ?? 0) - replay.settled);
  return replayFigures(replay) + (gone > 0 ? `, ${gone} no longer in the archive` : '');
}

/** The answer to whoever has asked for one of a node that is there. */
export function askedWords(asked: Asked): string {
  return answer(asked, 'begins', figures => `runs already: ${figures}; stop it to begin anew`);
}

/** The answer to whoever leaves one to any replay node. */
export function queuedWords(asked: Asked): string {
  return answer(asked, 'waits for a replay node', figures => `waits or runs already: ${figures}`);
}

function answer({ replay, already, beside }: Asked, fresh: string, again: (figures: string) => string): string {
  const own = `replay ${replay.id} ${already ? again(replayFigures(replay)) : fresh}`;
  return beside === undefined ? own : `${own}; ${besideWords(beside)}`;
}

/** Of a replay of the same range for somebody else. */
export function besideWords(beside: Replay): string {
  const { id, askedBy } = beside;
  return `beside it runs replay ${id} of the same range, asked for by ${askedBy}: ${replayFigures(beside)}`;
}

/** Colour and words of a node's status. */
export function deskWords(state: DeskState): ['green' | 'yellow' | 'red' | 'grey' | 'blue', string] {
  if (state.state === 'away') return ['red', `archive away; ${state.reason}`];
  if (state.state === 'running') {
    const words = `replay ${state.replay.id}: ${replayFigures(state.replay)}`;
    if (state.away !== '') return ['red', `${words}; archive away; ${state.away}`];
    return ['blue', `${words}, ${Math.round(state.perSecond)}/s`];
  }
  const { last } = state;
  if (last === undefined) return ['grey', 'ready'];
  const { end } = last;
  if (end.state === 'failed') return ['red', `replay ${last.id} failed at ${replayFigures(last)}: ${end.reason}`];
  const words = end.state === 'done' ? `done: ${doneFigures(last)}` : `stopped: ${replayFigures(last)}`;
  return [last.failed > 0 ? 'yellow' : 'green', `replay ${last.id} ${words}`];
}

/** What leaves at the progress output; undefined while there is nothing to tell. */
export function progressOf(state: DeskState): ReplayProgress | undefined {
  const replay = state.state === 'running' ? state.replay : state.state === 'idle' ? state.last : undefined;
  if (replay === undefined) return undefined;
  const end = state.state === 'idle' ? state.last?.end : undefined;
  const { id, selection, settled, failed, total, cursor } = replay;
  return {
    ...{ id, selection, settled, failed, total },
    state: end === undefined ? 'running' : end.state === 'lost' ? 'stopped' : end.state,
    perSecond: state.state === 'running' ? Math.round(state.perSecond) : 0,
    at: cursor?.time,
    reason: state.state === 'running' ? state.away || undefined : end?.state === 'failed' ? end.reason : undefined,
  };
}
