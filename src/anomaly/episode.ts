// Episode: an anomaly that lasts is reported once, and a series that is always at it must do more to be heard.
import { EPISODE, places } from './cells.ts';
import { usedTo } from './week.ts';

// A value counts when it exceeds a record that fades by a factor a point, slowly while the episode lasts; where it has
// alarmed, or is about to do so again in the same episode, it must become that much worse.
const FADE = 0.997;
const FADE_LASTING = 0.9995;
const WORSE = 1.3;
// What has about alarmed at this time before must become that much worse.
const USED = 0.8;
const OUT_OF_USE = 1.3;
// An episode ends with so many values in a row no more surprising than half the limit; of a low limit than this, or plain
// noise would go on with it for ever.
const QUIET_POINTS = 12;
const LEAST_NEAR = 4.5;
/** What is left of the record when an episode is over, in limits: the next one need not be as wild. */
const OVER = 1.3;
// Each alarm raises the limit by this share, one far beyond the limit hardly: that was no chance. Half of it is forgotten
// in about 7,000 points.
const WEARY = 0.08;
const REST = 0.9999;
const LASTING_POINTS = 8;

// WEARINESS: by how much the limit is raised. SINCE: when it began (ms), NaN while none lasts or times are unknown. SIDE: where
// the value of the record was: 1 above, -1 below, 0 where nobody wanted to hear of it.
const [RECORD, QUIET, WEARINESS, SINCE, LASTS, POINTS, ABOVE, TOLD, SIDE] = places(EPISODE);

export function beginEpisodes(cells: Float64Array): void {
  cells.fill(0, EPISODE, EPISODE + 9);
  cells[SINCE] = Number.NaN;
}

/** When the episode began (ms), while one lasts and times are known. */
export function sinceOf(cells: Float64Array): number | undefined {
  return Number.isNaN(cells[SINCE]) ? undefined : cells[SINCE];
}

/** How much higher than usual the limit of this series is, as a factor. */
export const wearinessOf = (cells: Float64Array): number => 1 + cells[WEARINESS]!;

/** What lasts: values stay on one side, or leap to both; undefined at the beginning. */
export function mannerOf(cells: Float64Array): 'shift' | 'burst' | undefined {
  const points = cells[POINTS]!;
  if (cells[LASTS] === 0 || points < LASTING_POINTS) return undefined;
  return Math.abs(2 * cells[ABOVE]! - points) > 0.7 * points ? 'shift' : 'burst';
}

/** Ends the episode once enough values in a row were quiet. */
function quiet(cells: Float64Array, limit: number): void {
  if (++cells[QUIET]! < QUIET_POINTS) return;
  cells[LASTS] = 0;
  cells[RECORD] = Math.min(cells[RECORD]!, OVER * limit);
  cells[SINCE] = Number.NaN;
  cells[POINTS] = 0;
  cells[ABOVE] = 0;
}

/** The last surprise, before anything was taken from it because it was told before. */
export const toldOf = (cells: Float64Array): number => cells[TOLD]!;

/**
 * Where a value is of its forecast; `unwanted`: on the side that nobody asked for, or what a person
 * called normal; `near`: so near that it is nothing odd.
 */
export type Place = 'above' | 'below' | 'unwanted' | 'near';

/**
 * What is left of a surprise after all that was reported of the same episode; below `limit` it is no alarm. One that nobody
 * wants to hear of is 0, and what follows from it (the way back) is no news either. `end`: the end of the range so far beyond
 * which the value lies (1 the upper, -1 the lower, 0 none); on the other side than the record it repeats nothing, be it above
 * or below its forecast. `isOff`: the value itself is part of what lasts.
 */
export function heard(
  cells: Float64Array,
  surprise: number,
  limit: number,
  time: number,
  place: Place,
  end: number,
  isOff: boolean,
): number {
  cells[WEARINESS]! *= REST;
  // Beyond the limit by logarithm, so that the record of a wild value fades before the next fault.
  const told = surprise > limit ? limit * (1 + Math.log(surprise / limit)) : surprise;
  cells[TOLD] = told;
  // What is near is no part of an episode: when it goes on until it is near no more, it is told.
  if (place === 'near') {
    cells[RECORD]! *= cells[LASTS] === 1 ? FADE_LASTING : FADE;
    quiet(cells, limit);
    return 0;
  }
  const record = cells[RECORD]!;
  const used = usedTo(cells);
  const side = place === 'unwanted' ? 0 : end === 0 ? (place === 'above' ? 1 : -1) : end;
  const other = end !== 0 && told > limit && cells[SIDE] !== end;
  if (other || (told >= record && told > limit / 2)) cells[SIDE] = side;
  const repeated =
    !other &&
    (told <= (record >= limit || cells[LASTS] === 1 ? WORSE * record : record) ||
      (used > USED * limit && told <= OUT_OF_USE * used));
  const near = told > Math.max(LEAST_NEAR, limit / 2);
  cells[RECORD] = Math.max(record * (cells[LASTS] === 1 ? FADE_LASTING : FADE), near ? told : 0);
  if (told >= limit && place !== 'unwanted') {
    cells[LASTS] = 1;
    if (Number.isNaN(cells[SINCE])) cells[SINCE] = time;
  }
  if (near) {
    cells[QUIET] = 0;
    if (cells[LASTS] === 1 && isOff) {
      cells[POINTS]!++;
      if (place === 'above') cells[ABOVE]!++;
    }
  } else quiet(cells, limit);
  if (place === 'unwanted') return 0;
  if (repeated) return Math.min(told, 0.9 * limit);
  if (told > limit) cells[WEARINESS]! += WEARY * (limit / surprise) ** 2;
  return told;
}
