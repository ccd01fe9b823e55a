// Keys of messages: by what two messages are the same to dedup.
import { digest } from '../kernel/bytes.ts';
import { digestOf, isRaw } from '../reading/raw.ts';
import { isReading } from '../reading/reading.ts';

/** Row identity (docs/adr/0002-row-identity.md): device, timestamp and content of a reading; source, receipt and content of a raw message; else the content. */
export function identityOf(member: unknown): string {
  if (isReading(member)) {
    const content = member.metadata.digest ?? digest(JSON.stringify(member.telemetry));
    return `${content} ${member.timestamp} ${member.deviceId}`;
  }
  if (isRaw(member)) return `${digestOf(member)} ${member.receivedAt} ${member.topic} ${member.source}`;
  if (member instanceof Uint8Array) return digest(member);
  return digest(JSON.stringify(member) ?? String(member));
}

/** The device alone: for adverts, which a device repeats many times a second (B03). Falls back to the identity. */
export function deviceOf(member: unknown): string {
  return (isReading(member) || isRaw(member)) && member.deviceId ? member.deviceId : identityOf(member);
}
