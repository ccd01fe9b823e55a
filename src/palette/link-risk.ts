// Which links do not keep on disk what a source that acknowledges gives them, seen from the flow alone. Imports nothing: the build ships it to the browser.

/** A node, tab or subflow as a flow file has it. */
export type FlowPart = {
  id: string;
  type: string;
  name?: string;
  z?: string;
  /** Of a node and of a tab: disabled. */
  d?: boolean;
  disabled?: boolean;
  wires?: readonly (readonly string[])[];
  /** Of link nodes. */
  links?: readonly string[];
  mode?: string;
  /** Of a subflow. */
  in?: readonly { wires: readonly { id: string }[] }[];
  out?: readonly { wires: readonly { id: string; port: number }[] }[];
  policy?: string;
  /** Of a subscriber. */
  topics?: readonly { qos?: string }[];
};
/** `sources`: names of the sources whose messages reach the link. */
export type LinkRisk = { policy: 'drop' | 'memory'; sources: readonly string[] };

/** Link id → what it risks. `acknowledging`: types of sources that acknowledge a message when it is done. */
export function linkRisks(
  flow: readonly FlowPart[],
  acknowledging: ReadonlySet<string>,
): ReadonlyMap<string, LinkRisk> {
  const parts = new Map(flow.map(part => [part.id, part]));
  const risks = new Map<string, { policy: 'drop' | 'memory'; sources: string[] }>();
  for (const source of flow) {
    if (!acknowledging.has(source.type) || isAtMostOnce(source) || isOff(source, parts)) continue;
    for (const id of reachedFrom(source, parts)) {
      const policy = parts.get(id)?.policy;
      if (policy !== 'drop' && policy !== 'memory') continue;
      const risk = risks.get(id) ?? { policy, sources: [] };
      risks.set(id, risk);
      risk.sources.push(source.name || source.type.replace('fieldline-', ''));
    }
  }
  return risks;
}

/** What to do about it, in words. */
export function linkRiskWords({ policy, sources }: LinkRisk): string {
  const from = sources.join(', ');
  return policy === 'drop'
    ? `While the other end is away, this link drops messages of ${from} that are acknowledged as done: they are lost. Choose disk to keep them.`
    : `While the other end is away, messages of ${from} wait in memory and are not acknowledged; ${sources.length === 1 ? 'it stops' : 'they stop'} when the memory or the window is full. Choose disk to let them go on.`;
}

/** With QoS 0 alone nothing is ever acknowledged. */
function isAtMostOnce({ topics = [] }: FlowPart): boolean {
  return topics.length > 0 && topics.every(({ qos }) => qos === '0');
}

function isOff(part: FlowPart, parts: ReadonlyMap<string, FlowPart>): boolean {
  return part.d === true || parts.get(part.z ?? '')?.disabled === true;
}

/** All nodes that a message of `source` can get to: over wires, link nodes, and into and out of subflows. */
function reachedFrom(source: FlowPart, parts: ReadonlyMap<string, FlowPart>): ReadonlySet<string> {
  const reached = new Set<string>();
  const visit = (ids: readonly string[]): void => {
    const waiting = [...ids];
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
      const part = parts.get(id);
      if (part === undefined || reached.has(id) || isOff(part, parts)) continue;
      reached.add(id);
      waiting.push(...nextOf(part, parts));
    }
  };
  visit([source.id]);
  // A source within a subflow sends from every instance of it.
  const inside = `subflow:${source.z}`;
  const instances = [...parts.values()].filter(({ type }) => type.startsWith('subflow:'));
  for (let before = -1; before !== reached.size; ) {
    before = reached.size;
    for (const instance of instances)
      if (reached.has(instance.id) || (instance.type === inside && !isOff(instance, parts)))
        visit(leaving(instance, parts, reached));
  }
  return reached;
}

/** Where a message goes from here, subflow outputs left out. */
function nextOf(part: FlowPart, parts: ReadonlyMap<string, FlowPart>): readonly string[] {
  if (part.type.startsWith('subflow:')) {
    const entries = parts.get(part.type.slice(8))?.in ?? [];
    return entries.flatMap(({ wires }) => wires.map(({ id }) => id));
  }
  // A message that goes back to its link call leaves by the outputs of that.
  const links = part.type.startsWith('link ') && part.mode !== 'return' ? (part.links ?? []) : [];
  return [...(part.wires ?? []).flat(), ...(part.type === 'link in' ? [] : links)];
}

/** Nodes behind those outputs of a subflow's instance that a message has got to inside. */
function leaving(
  instance: FlowPart,
  parts: ReadonlyMap<string, FlowPart>,
  reached: ReadonlySet<string>,
): readonly string[] {
  const subflow = parts.get(instance.type.slice(8));
  return (subflow?.out ?? []).flatMap(({ wires }, port) =>
    wires.some(({ id }) => reached.has(id) || (id === subflow?.id && reached.has(instance.id)))
      ? (instance.wires?.[port] ?? [])
      : [],
  );
}
