// Readiness of the durable sources of the running flow, for /health.

export type HealthPart = { id: string; name: string; type: string; ready: boolean; detail: string };

const parts = new Map<string, HealthPart>();

export const reportPart = (part: HealthPart) => void parts.set(part.id, part);
export const removePart = (id: string) => void parts.delete(id);

/** Every durable source as it last reported itself. */
export const healthParts = (): readonly HealthPart[] => [...parts.values()];
