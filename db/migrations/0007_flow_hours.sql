-- Hours of the flow data, rolled up: flow_data_hourly no longer reads all rows ever stored, and tells the same.
--
-- Each device has a window: its hours before `since` are rolled up, those from there on are made of the rows whenever
-- somebody asks. What comes late moves the window back, so that the view is right at every moment, whether or not anybody
-- has rolled up. The last two hours are always within the window: rows of now need no more than a look at it, and no
-- lock. Append-only, as the table is: whoever changes or deletes rows calls reopen_flow_hours.

CREATE TABLE flow_hours (
  device_id     text COLLATE "C" NOT NULL,
  hour          timestamptz NOT NULL,
  avg_flow_rate double precision,
  max_flow_rate double precision,
  min_flow_rate double precision,
  total_volume  double precision NOT NULL,
  readings      bigint NOT NULL,
  org_id        text,
  metadata      jsonb,
  PRIMARY KEY (device_id, hour)
);

CREATE TABLE flow_windows (
  device_id text COLLATE "C" PRIMARY KEY,
  since     timestamptz NOT NULL,
  org_id    text,
  metadata  jsonb
);

-- Hours of one device from a time on. An increment belongs to the hour of the later reading, so that the hours add up to
-- the whole; the first one counts from the last reading before.
CREATE FUNCTION flow_hours_since(device text, since timestamptz) RETURNS TABLE (
  hour timestamptz, avg_flow_rate double precision, max_flow_rate double precision, min_flow_rate double precision,
  total_volume double precision, readings bigint)
LANGUAGE sql STABLE AS $$
  WITH counted AS (
    (SELECT f.created_at, f.id, f.totalizer, false AS own, NULL::double precision AS flow_rate FROM flow_data f
     WHERE f.device_id = device AND f.totalizer IS NOT NULL AND f.created_at < since
     ORDER BY f.created_at DESC, f.id DESC LIMIT 1)
    UNION ALL
    SELECT f.created_at, f.id, f.totalizer, true, f.flow_rate FROM flow_data f WHERE f.device_id = device AND f.created_at >= since
  ), increments AS (
    SELECT c.*,
      -- Rows without a totalizer stand in a partition of their own, so they do not break the chain.
      totalizer_increment(lag(c.totalizer) OVER (PARTITION BY c.totalizer IS NULL ORDER BY c.created_at, c.id), c.totalizer,
        (SELECT totalizer_full_scale(d.metadata) FROM devices d WHERE d.device_id = device)) AS volume
    FROM counted c
  )
  SELECT date_trunc('hour', created_at, 'UTC'), avg(flow_rate), max(flow_rate), min(flow_rate), coalesce(sum(volume), 0), count(*)
  FROM increments WHERE own GROUP BY 1
$$;

-- Every writer's rows, Fieldline's own included. Late rows lock the window, so that a roll-up under way waits for them or
-- they for it; rows of the last hour find it open and lock nothing.
CREATE FUNCTION open_flow_windows() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  INSERT INTO flow_windows AS w (device_id, since)
    SELECT fresh.device_id, date_trunc('hour', min(fresh.created_at), 'UTC') FROM fresh
    GROUP BY fresh.device_id
    HAVING NOT EXISTS (SELECT FROM flow_windows open WHERE open.device_id = fresh.device_id
      AND open.since <= date_trunc('hour', min(fresh.created_at), 'UTC') AND min(fresh.created_at) > now() - interval '1 hour')
    ORDER BY fresh.device_id
    ON CONFLICT (device_id) DO UPDATE SET since = least(w.since, excluded.since);
  RETURN NULL;
END $$;
CREATE TRIGGER open_flow_windows_trigger AFTER INSERT ON flow_data REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT
  EXECUTE FUNCTION open_flow_windows();

-- Rolls up the hours of one device that are over. Locked first, read afterwards: what committed before the lock is seen.
CREATE FUNCTION roll_flow_hours(device text) RETURNS bigint
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  start timestamptz;
  until timestamptz := date_trunc('hour', now(), 'UTC') - interval '2 hours';
  rolled bigint;
BEGIN
  SELECT since INTO start FROM flow_windows WHERE device_id = device FOR UPDATE;
  IF start IS NULL OR start >= until THEN
    RETURN 0;
  END IF;
  DELETE FROM flow_hours WHERE device_id = device AND hour >= start;
  INSERT INTO flow_hours (device_id, hour, avg_flow_rate, max_flow_rate, min_flow_rate, total_volume, readings)
    SELECT device, h.* FROM flow_hours_since(device, start) AS h WHERE h.hour < until;
  GET DIAGNOSTICS rolled = ROW_COUNT;
  UPDATE flow_windows SET since = until WHERE device_id = device;
  RETURN rolled;
END $$;

-- After rows were changed or deleted by hand, or a device was given another range of its totalizer.
CREATE FUNCTION reopen_flow_hours(device text, since timestamptz) RETURNS void
LANGUAGE sql SET search_path FROM CURRENT AS $$
  INSERT INTO flow_windows AS w (device_id, since) VALUES (device, date_trunc('hour', since, 'UTC'))
  ON CONFLICT (device_id) DO UPDATE SET since = least(w.since, excluded.since)
$$;

INSERT INTO flow_windows (device_id, since)
  SELECT device_id, date_trunc('hour', min(created_at), 'UTC') FROM flow_data GROUP BY device_id;

CREATE OR REPLACE VIEW flow_data_hourly AS
SELECT h.device_id, h.hour, h.avg_flow_rate, h.max_flow_rate, h.min_flow_rate, h.total_volume, h.readings
FROM flow_hours h JOIN flow_windows w USING (device_id) WHERE h.hour < w.since
UNION ALL
SELECT w.device_id, h.* FROM flow_windows w CROSS JOIN LATERAL flow_hours_since(w.device_id, w.since) AS h;
