// The scanners of this process by their ids: what a heartbeat says of them.

/** Counted since the scan began. */
export type ScanReport = {
  /** Milliseconds since the epoch at which the scan began. */
  since: number;
  /** Adverts handed to the flow. */
  sent: number;
  /** Devices heard. */
  devices: number;
  /** on, off, unauthorized …: the state of the radio. */
  adapter: string;
};

const scanners = new Map<string, Set<() => ScanReport>>();

/** Makes a scan known under its scanner's id; returns the end of it. */
export function announceScan(scanner: string, report: () => ScanReport): () => void {
  const scans = scanners.get(scanner) ?? new Set();
  scanners.set(scanner, scans.add(report));
  return () => {
    scans.delete(report);
    if (scans.size === 0) scanners.delete(scanner);
  };
}

/** All scans of a scanner taken together, on two adapters for instance; undefined when there is none. */
export function reportOf(scanner: string): ScanReport | undefined {
  const [first, ...others] = [...(scanners.get(scanner) ?? [])].map(report => report());
  if (first === undefined) return undefined;
  return others.reduce(
    (sum, one) => ({
      since: Math.min(sum.since, one.since),
      sent: sum.sent + one.sent,
      // A device may be heard on both; that it was heard at all is what counts.
      devices: Math.max(sum.devices, one.devices),
      adapter: sum.adapter === 'on' ? one.adapter : sum.adapter,
    }),
    first,
  );
}
