// Wanted: since when each series is asked for after a crash, so that no more is read than a start can wait for, of fast series as of slow ones.

/** A series as the database names it last; `last`: time (ms) of the last value that it knows, `usual`: of the pause between two (ms). */
export type Asked = {
  readonly device: string;
  readonly metric: string;
  readonly newest: number;
  readonly last: number | undefined;
  readonly usual: number | undefined;
};

export type Wanted = {
  readonly devices: readonly string[];
  readonly metrics: readonly string[];
  /** ISO times, `-infinity` for all. */
  readonly since: readonly string[];
  /** At most so many rows of a metric, and so many of a device in a table whose rows hold several. */
  readonly most: readonly [ofMetric: number, ofDevice: number];
};

/** In all, and of those that are known what may come between two saves; of more only the newest of each series are learned, and what is between is a pause of it. */
const [MOST, MOST_KNOWN] = [10_000, 30_000];
const LEAST_OF_ONE = 10;
/** A message that was not acknowledged comes again, and is to be told what is stored: so much before the end is read, too. */
const AGAIN_MS = 60_000;

/**
 * Those of which it is known how fast they come are asked by that: of a fast one more than of a slow one. Of the others all
 * get the same. A device with one of the others is one of them, for some tables are asked by device.
 */
export function wanted(series: readonly Asked[]): readonly Wanted[] {
  const unknown = new Set(series.flatMap(one => (isPaced(one) ? [] : [one.device])));
  const paced = series.filter(({ device }) => !unknown.has(device)).filter(isPaced);
  const others = series.filter(({ device }) => unknown.has(device));
  const each = (count: number) => Math.max(LEAST_OF_ONE, Math.ceil(MOST / Math.max(1, count)));
  const sinceLast = others.map(({ last }) => (last === undefined ? '-infinity' : iso(last - AGAIN_MS)));
  const equally: Wanted = {
    ...columnsOf(others, sinceLast),
    most: [each(series.length), each(new Set(series.map(({ device }) => device)).size)],
  };
  if (paced.length === 0) return [equally];
  const values = paced.reduce((sum, { newest, last, usual }) => sum + Math.max(0, newest - last) / usual, 0);
  const share = Math.min(1, MOST_KNOWN / values);
  const since = paced.map(({ newest, last, usual }) => {
    const learned = newest - share * Math.max(0, newest - last);
    const least = share < 1 ? newest - LEAST_OF_ONE * usual : learned;
    return iso(Math.min(learned, least) - Math.min(AGAIN_MS, usual * each(paced.length)));
  });
  return [equally, { ...columnsOf(paced, since), most: [MOST_KNOWN, MOST_KNOWN] }];
}

const isPaced = (one: Asked): one is Asked & { readonly last: number; readonly usual: number } =>
  one.last !== undefined && one.usual !== undefined;

const iso = (time: number): string => new Date(time).toISOString();

const columnsOf = (series: readonly Asked[], since: readonly string[]) => ({
  devices: series.map(({ device }) => device),
  metrics: series.map(({ metric }) => metric),
  since,
});
