// Demo devices carry names that begin with `demo-`; what is read of them belongs to the organisation `demo`.
export function organisationOf(deviceId: string): { orgId?: string } {
  return deviceId.startsWith('demo-') ? { orgId: 'demo' } : {};
}
