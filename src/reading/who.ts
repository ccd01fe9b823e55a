// Who: in whose name a message acts, for what is written down of it.

/** `msg.by`, as a flow may say; else who pressed a button of the dashboard; else `flow`. */
export function whoOf(message: Readonly<Record<string, unknown>>): string {
  const client = message['_client'] as { user?: { username?: unknown }; socketIp?: unknown } | undefined;
  const given = [message['by'], client?.user?.username, client?.socketIp];
  return given.find((name): name is string => typeof name === 'string' && name !== '')?.slice(0, 200) ?? 'flow';
}
