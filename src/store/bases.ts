// Bases: the tables below what a statement inserts into, also through views, and which of their columns it fills there.

/** `:resno 2 :resname v :ressortgroupref 0 :resorigtbl 16384 :resorigcol 3`: a column of a view, and what it is of the table below. */
const ORIGIN = String.raw`:resno (\d+) :resname (?:[^ \\]|\\.)+ :ressortgroupref \d+ :resorigtbl ([1-9]\d*) :resorigcol (\d+) `;

/**
 * SQL of a common table `base (title, rel, filled)`, recursive: $1 is what `insertsOf` gives, as JSON. `title`: the table as the
 * statement calls it; `rel`: that one, and those below it where it is a view that PostgreSQL itself writes through;
 * `filled`: numbers of the columns that get their value from above.
 */
export const BASES = `base AS (
  SELECT "table" AS title, to_regclass("table")::oid AS rel, ARRAY(
    SELECT attnum FROM pg_attribute a WHERE a.attrelid = to_regclass("table") AND a.attnum > 0 AND NOT a.attisdropped
      AND filled ?| ARRAY[a.attname::text, quote_ident(a.attname), '"' || replace(a.attname, '"', '""') || '"']) AS filled
  FROM jsonb_to_recordset($1::jsonb) AS s ("table" text, filled jsonb)
  UNION ALL
  SELECT title, below.rel, below.filled
  FROM base JOIN pg_class c ON c.oid = base.rel AND c.relkind = 'v' AND pg_relation_is_updatable(c.oid, false) & 8 = 8
  CROSS JOIN LATERAL (
    SELECT m[2]::oid AS rel, coalesce(array_agg(m[3]::int2) FILTER (WHERE m[1]::int2 = ANY (base.filled)
      OR EXISTS (SELECT FROM pg_attrdef d WHERE d.adrelid = base.rel AND d.adnum = m[1]::int2)), '{}') AS filled
    FROM pg_rewrite r, regexp_matches(r.ev_action::text, '${ORIGIN}', 'g') AS m
    WHERE r.ev_class = base.rel AND r.rulename = '_RETURN' GROUP BY m[2]) below)`;
