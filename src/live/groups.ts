// Groups of the fan-out: clients with the same selection share one; a row finds the groups it concerns by value instead of trying each.
import { keyOf } from './compare.ts';
import type { Entry } from './log.ts';
import { columnOf, type Row } from './publication.ts';
import type { Selection } from './selection.ts';

/** Entries for all members of a group. */
export type Batch = {
  topic: string;
  entries: readonly Entry[];
  /** What `make` gives, made once for each name, however many clients get it. */
  once<T>(name: string, make: () => T): T;
};
export type Take = (batch: Batch) => void;

export type Group = {
  selection: Selection;
  members: Set<Take>;
  /** By row, or by thing where only the newest row of each counts. */
  pending: Map<unknown, Entry>;
  /** Left out: every row, as soon as it can be. */
  conflateMs?: number;
  timer?: NodeJS.Timeout | undefined;
};

/** Groups of one topic: by text, and by value where a selection has one. */
type Topic = { groups: Map<string, Group>; byValue: Map<string, Map<string, Set<Group>>>; others: Set<Group> };

export type Groups = {
  readonly size: number;
  /** Of all selections and those who asked for them. */
  readonly weight: number;
  /** The group of a selection, made where it is the first of its kind. */
  join(selection: Selection, conflateMs: number | undefined, take: Take): Group;
  leave(group: Group, take: Take): void;
  /** Groups of these topics whose selection wants the row. */
  concerned(topics: readonly string[], row: Row): Iterable<Group>;
  /** Ends all of them. */
  clear(): void;
};

export function createGroups(onEmpty: (group: Group) => void): Groups {
  const topics = new Map<string, Topic>();
  let weight = 0;
  const nameOf = ({ text }: Selection, conflateMs: number | undefined): string => `${conflateMs ?? ''} ${text}`;

  return {
    get size() {
      return topics.size;
    },
    get weight() {
      return weight;
    },
    join(selection, conflateMs, take) {
      const topic = topics.get(selection.topic) ?? { groups: new Map(), byValue: new Map(), others: new Set() };
      topics.set(selection.topic, topic);
      const name = nameOf(selection, conflateMs);
      let group = topic.groups.get(name);
      if (group === undefined) {
        group = { selection, members: new Set(), pending: new Map(), ...(conflateMs !== undefined && { conflateMs }) };
        topic.groups.set(name, group);
        insert(topic, group);
        weight += selection.weight.tried;
      }
      group.members.add(take);
      weight += selection.weight.kept;
      return group;
    },
    leave(group, take) {
      const topic = topics.get(group.selection.topic);
      if (!group.members.delete(take)) return;
      weight -= group.selection.weight.kept;
      if (group.members.size > 0 || topic === undefined) return;
      weight -= group.selection.weight.tried;
      topic.groups.delete(nameOf(group.selection, group.conflateMs));
      remove(topic, group);
      if (topic.groups.size === 0) topics.delete(group.selection.topic);
      onEmpty(group);
    },
    *concerned(names, row) {
      for (const name of names) {
        const topic = topics.get(name);
        if (topic === undefined) continue;
        for (const group of candidates(topic, row)) if (group.selection.wants(row)) yield group;
      }
    },
    clear() {
      for (const topic of topics.values()) for (const group of topic.groups.values()) onEmpty(group);
      topics.clear();
      weight = 0;
    },
  };
}

/** Groups that can want the row: those whose key names its value, and those that must be tried. */
function* candidates(topic: Topic, row: Row): Iterable<Group> {
  yield* topic.others;
  for (const [column, groups] of topic.byValue) yield* groups.get(keyOf(columnOf(row, column) ?? null)) ?? [];
}

function insert(topic: Topic, group: Group): void {
  const { key } = group.selection;
  if (key === undefined) {
    topic.others.add(group);
    return;
  }
  const values = topic.byValue.get(key.column) ?? new Map<string, Set<Group>>();
  topic.byValue.set(key.column, values);
  for (const value of key.values) values.set(value, (values.get(value) ?? new Set()).add(group));
}

function remove(topic: Topic, group: Group): void {
  const { key } = group.selection;
  topic.others.delete(group);
  const values = key && topic.byValue.get(key.column);
  if (key === undefined || values === undefined) return;
  for (const value of key.values) {
    const groups = values.get(value);
    if (groups?.delete(group) && groups.size === 0) values.delete(value);
  }
  if (values.size === 0) topic.byValue.delete(key.column);
}

export function batchOf(topic: string, entries: readonly Entry[]): Batch {
  const made = new Map<string, unknown>();
  return {
    topic,
    entries,
    once<T>(name: string, make: () => T): T {
      if (!made.has(name)) made.set(name, make());
      return made.get(name) as T;
    },
  };
}
