// Which rows a client may see: those of its organisation, or all where it belongs to none.
import type { Principal } from '../reading/principal.ts';

/** Conditions of a statement, joined by AND; each value becomes a parameter, never text. */
export type Where = {
  /** `sql` with `?` in place of the value. */
  add(sql: string, value: unknown): Where;
  /** Adds the condition where the value is given. */
  given(sql: string, value: unknown): Where;
  readonly text: string;
  readonly values: readonly unknown[];
  /** Adds a value and gives its placeholder. */
  place(value: unknown): string;
};

/** Begins with the rows that the principal may see: those of its organisation, all where it has none. */
export function where(principal: Principal, column = 'org_id'): Where {
  const conditions: string[] = [];
  const values: unknown[] = [];
  const place = (value: unknown) => `$${values.push(value)}`;
  const it: Where = {
    add(sql, value) {
      conditions.push(sql.replace('?', place(value)));
      return it;
    },
    given: (sql, value) => (value === undefined ? it : it.add(sql, value)),
    get text() {
      return conditions.length === 0 ? 'true' : conditions.join(' AND ');
    },
    values,
    place,
  };
  return it.given(`${column} = ?`, principal.org);
}
