-- What other writers (psql, other services) do to the tables that live clients follow, for the gateways to push.
--
-- Readers go by transaction, not by id: a row with a smaller id can become visible later than one with a larger. NOTIFY
-- only wakes them, since it carries at most 8000 bytes and reaches nobody who is away.
CREATE TABLE live_feed (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  xid        xid8 NOT NULL DEFAULT pg_current_xact_id(),
  table_name text NOT NULL,
  -- INSERT, UPDATE, DELETE; LOST where a statement touched more rows than anybody follows.
  event      text NOT NULL,
  record     jsonb,
  created_at timestamptz NOT NULL DEFAULT now(),
  org_id     text,
  metadata   jsonb
);
CREATE INDEX live_feed_xid ON live_feed (xid);

-- Up to which id rows were taken away: a gateway that had not read them knows that it has a gap.
CREATE TABLE live_feed_pruned (
  only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
  id       bigint NOT NULL DEFAULT 0,
  org_id   text,
  metadata jsonb
);
INSERT INTO live_feed_pruned DEFAULT VALUES;

-- Keeps the newest rows of the last day, so that a gateway that was stopped finds them.
CREATE FUNCTION prune_live_feed() RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
  WITH gone AS (
    DELETE FROM live_feed
    WHERE id <= (SELECT max(id) - 100000 FROM live_feed) OR created_at < now() - interval '1 day' RETURNING id
  )
  UPDATE live_feed_pruned p SET id = greatest(p.id, (SELECT max(id) FROM gone)) WHERE EXISTS (SELECT FROM gone)
$$;

CREATE FUNCTION feed_live() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  IF (SELECT count(*) FROM (SELECT FROM changed LIMIT 5001) AS few) > 5000 THEN
    INSERT INTO live_feed (table_name, event) VALUES (TG_ARGV[0], 'LOST');
  ELSE
    INSERT INTO live_feed (table_name, event, record, org_id)
    SELECT TG_ARGV[0], TG_OP, to_jsonb(c), c.org_id FROM changed AS c;
    IF NOT FOUND THEN
      RETURN NULL;
    END IF;
  END IF;
  PERFORM pg_notify('fieldline_live', '');
  -- Where no gateway runs, nobody else does it.
  IF random() < 0.002 THEN
    PERFORM prune_live_feed();
  END IF;
  RETURN NULL;
END $$;

-- Fieldline's own connections are marked: what their sinks store is pushed without this way round. Inspections and alerts
-- are few, and come from the API of any gateway too.
DO $$
DECLARE
  followed text;
  event text;
  mark constant text := 'WHEN (current_setting(''fieldline.writer'', true) IS DISTINCT FROM ''on'')';
BEGIN
  FOREACH followed IN ARRAY ARRAY['measurements', 'sensor_readings', 'energy_readings', 'flow_data'] LOOP
    EXECUTE format('CREATE TRIGGER feed_live_insert AFTER INSERT ON %I REFERENCING NEW TABLE AS changed
      FOR EACH STATEMENT %s EXECUTE FUNCTION feed_live(%L)', followed, mark, followed);
  END LOOP;
  FOREACH followed IN ARRAY ARRAY['devices', 'inspections', 'alerts'] LOOP
    FOREACH event IN ARRAY ARRAY['INSERT', 'UPDATE', 'DELETE'] LOOP
      EXECUTE format('CREATE TRIGGER %I AFTER %s ON %I REFERENCING %s TABLE AS changed
        FOR EACH STATEMENT %s EXECUTE FUNCTION feed_live(%L)',
        'feed_live_' || lower(event), event, followed, CASE event WHEN 'DELETE' THEN 'OLD' ELSE 'NEW' END,
        CASE followed WHEN 'devices' THEN mark ELSE '' END, followed);
    END LOOP;
  END LOOP;
END $$;
