// Dead letters on their way again: whether decoders have made a reading of one, or why they refused it.

type Watched = { made: boolean; reason: string | undefined };
const watched = new Map<string, Watched>();

/** Begins to listen for the entry of a letter; the function it returns ends that, with the reason where nothing was made of it. */
export function watchLetter(entry: string): () => string | undefined {
  const one: Watched = { made: false, reason: undefined };
  watched.set(entry, one);
  return () => {
    if (watched.get(entry) === one) watched.delete(entry);
    return one.made ? undefined : one.reason;
  };
}

/** What a decoder has made of a message with this entry; ignored where it is no letter that is sent again. */
export function noteDecoded(entry: string | undefined, readings: number, reason: string | undefined): void {
  const one = entry === undefined ? undefined : watched.get(entry);
  if (one === undefined) return;
  if (readings > 0) one.made = true;
  one.reason ??= reason;
}
