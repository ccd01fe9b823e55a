// One scan that can be begun anew: however often that is asked for at one moment, no advert is heard twice.

export type OneScan = {
  /** Resolves when it has begun anew; rejects where it does not stop, and goes on then as it was. */
  anew(): Promise<void>;
  /** Resolves when all that was heard has come through. */
  close(): Promise<void>;
};

/** `begin` starts a scan and gives its stop. */
export function oneScan(begin: () => () => Promise<void>): OneScan {
  let stop = begin();
  let renewing: Promise<void> | undefined;
  let closed = false;
  return {
    anew() {
      renewing ??= stop()
        .then(() => {
          if (!closed) stop = begin();
        })
        .finally(() => {
          renewing = undefined;
        });
      return renewing;
    },
    async close() {
      closed = true;
      await (renewing ?? stop());
    },
  };
}
