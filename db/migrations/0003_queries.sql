-- Functions, views and triggers that dashboards and other writers use.

-- variant: plain
-- time_bucket as TimescaleDB has it: buckets counted from Monday, 3 January 2000 (months from 1 January 2000), UTC.
CREATE FUNCTION time_bucket(bucket_width interval, ts timestamp) RETURNS timestamp
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT CASE
    WHEN extract(year FROM bucket_width) * 12 + extract(month FROM bucket_width) = 0
      THEN date_bin(bucket_width, ts, timestamp '2000-01-03')
    ELSE timestamp '2000-01-01' + bucket_width * floor(
      ((extract(year FROM ts) - 2000) * 12 + extract(month FROM ts) - 1)
      / (extract(year FROM bucket_width) * 12 + extract(month FROM bucket_width)))::double precision
  END
$$;
CREATE FUNCTION time_bucket(bucket_width interval, ts timestamptz) RETURNS timestamptz
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT time_bucket(bucket_width, ts AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'
$$;
CREATE FUNCTION time_bucket(bucket_width interval, ts date) RETURNS date
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT time_bucket(bucket_width, ts::timestamp)::date
$$;
CREATE FUNCTION time_bucket(bucket_width interval, ts timestamptz, origin timestamptz) RETURNS timestamptz
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT date_bin(bucket_width, ts, origin)
$$;
CREATE FUNCTION time_bucket(bucket_width interval, ts timestamptz, timezone text) RETURNS timestamptz
LANGUAGE sql STABLE STRICT PARALLEL SAFE AS $$
  SELECT time_bucket(bucket_width, ts AT TIME ZONE timezone) AT TIME ZONE timezone
$$;

-- variant: all
-- Distinct devices: a join with alerts would count a device once for each of its alerts.
CREATE VIEW dashboard_summary AS
SELECT
  (SELECT count(*) FROM devices) AS total_devices,
  (SELECT count(*) FROM devices WHERE last_seen > now() - interval '15 minutes') AS online_devices,
  (SELECT count(*) FROM alerts WHERE is_resolved = false) AS active_alerts;

-- Adverts that no decoder has made a device of, with one example each.
CREATE VIEW unknown_devices AS
SELECT
  upper(r.payload ->> 'address') AS address,
  count(*) AS adverts,
  min(r.timestamp) AS first_seen,
  max(r.timestamp) AS last_seen,
  array_agg(DISTINCT r.scanner_id) AS scanners,
  (array_agg(r.payload ORDER BY r.timestamp DESC))[1] AS example
FROM raw_advertisements r
WHERE r.topic LIKE 'bt-mqtt/raw/%' AND r.payload ->> 'address' IS NOT NULL
  AND NOT EXISTS (SELECT FROM devices d WHERE d.device_id = upper(r.payload ->> 'address'))
GROUP BY upper(r.payload ->> 'address');

-- The newest row of each device. From one device to the next by the index, instead of reading all rows.
CREATE FUNCTION get_latest_flow_data() RETURNS SETOF flow_data
LANGUAGE sql STABLE AS $$
  WITH RECURSIVE known (device_id) AS (
    SELECT min(device_id) FROM flow_data
    UNION ALL
    SELECT (SELECT min(f.device_id) FROM flow_data f WHERE f.device_id > known.device_id) FROM known WHERE known.device_id IS NOT NULL
  )
  SELECT latest.*
  FROM known CROSS JOIN LATERAL (
    SELECT f.* FROM flow_data f WHERE f.device_id = known.device_id ORDER BY f.created_at DESC, f.id DESC LIMIT 1
  ) AS latest
$$;

-- What a totalizer has counted between two readings. It only counts up, so a fall means:
--   rollover   from within the last 1 % of its range to within the first: on to the end and up from 0. The range is the
--              device's own (devices.metadata.totalizer_max), else the next power of ten, one word or two;
--   reset      any other fall of more than 1 %: it counts from 0 again;
--   noise      a fall of up to 1 %: taken as it is, so that the rise after it cancels it. So is a negative total.
CREATE FUNCTION totalizer_increment(previous double precision, reading double precision, full_scale double precision)
RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE
    WHEN previous IS NULL OR reading IS NULL THEN NULL
    WHEN reading >= 0.99 * previous OR reading < 0 THEN reading - previous
    ELSE reading + coalesce((
      SELECT min(wrap - previous)
      FROM unnest(CASE WHEN full_scale IS NOT NULL THEN ARRAY[full_scale]
                       ELSE ARRAY[power(10, greatest(3, ceil(log(greatest(previous, 1))))), 65536, 4294967296] END) AS wrap
      WHERE previous BETWEEN 0.99 * wrap AND wrap AND reading <= 0.01 * wrap), 0)
  END
$$;

CREATE FUNCTION totalizer_full_scale(device_metadata jsonb) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN jsonb_typeof(device_metadata -> 'totalizer_max') = 'number'
              THEN (device_metadata ->> 'totalizer_max')::double precision END
$$;

-- Averages over [start_time, end_time]; the volume counts on from the last totalizer reading at or before start_time.
CREATE FUNCTION get_flow_statistics(device_id text, start_time timestamptz, end_time timestamptz)
RETURNS TABLE (avg double precision, min double precision, max double precision, total_volume double precision, readings bigint)
LANGUAGE sql STABLE AS $$
  WITH counted AS (
    (SELECT f.created_at, f.id, f.totalizer FROM flow_data f
     WHERE f.device_id = get_flow_statistics.device_id AND f.totalizer IS NOT NULL AND f.created_at <= start_time
     ORDER BY f.created_at DESC, f.id DESC LIMIT 1)
    UNION ALL
    SELECT f.created_at, f.id, f.totalizer FROM flow_data f
    WHERE f.device_id = get_flow_statistics.device_id AND f.totalizer IS NOT NULL
      AND f.created_at > start_time AND f.created_at <= end_time
  ), increments AS (
    SELECT totalizer_increment(lag(totalizer) OVER (ORDER BY created_at, id), totalizer,
      (SELECT totalizer_full_scale(d.metadata) FROM devices d WHERE d.device_id = get_flow_statistics.device_id)) AS volume
    FROM counted
  )
  SELECT avg(f.flow_rate), min(f.flow_rate), max(f.flow_rate), coalesce((SELECT sum(volume) FROM increments), 0), count(*)
  FROM flow_data f
  WHERE f.device_id = get_flow_statistics.device_id AND f.created_at >= start_time AND f.created_at <= end_time
$$;

-- An increment belongs to the hour of the later reading, so that the hours add up to the whole.
CREATE VIEW flow_data_hourly AS
SELECT
  device_id,
  date_trunc('hour', created_at, 'UTC') AS hour,
  avg(flow_rate) AS avg_flow_rate,
  max(flow_rate) AS max_flow_rate,
  min(flow_rate) AS min_flow_rate,
  coalesce(sum(volume), 0) AS total_volume,
  count(*) AS readings
FROM (
  SELECT f.device_id, f.created_at, f.flow_rate,
    -- Rows without a totalizer stand in a partition of their own, so they do not break the chain.
    totalizer_increment(
      lag(f.totalizer) OVER (PARTITION BY f.device_id, f.totalizer IS NULL ORDER BY f.created_at, f.id),
      f.totalizer, totalizer_full_scale(d.metadata)) AS volume
  FROM flow_data f LEFT JOIN devices d USING (device_id)
) AS increments
GROUP BY device_id, date_trunc('hour', created_at, 'UTC');

-- Rows of other writers touch their devices; Fieldline's own connections are marked and do it in their own statement.
-- At most one update per device and statement, and never backwards. The argument is the time column.
CREATE FUNCTION update_device_last_seen() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  EXECUTE format('INSERT INTO devices AS d (device_id, last_seen)
    SELECT device_id, least(max(%I), now()) FROM fresh GROUP BY device_id ORDER BY device_id
    ON CONFLICT (device_id) DO UPDATE SET last_seen = excluded.last_seen
      WHERE d.last_seen IS NULL OR d.last_seen < excluded.last_seen', TG_ARGV[0]);
  RETURN NULL;
END $$;

DO $$
DECLARE
  series text;
  column_name text;
BEGIN
  FOR series, column_name IN VALUES
    ('measurements', 'timestamp'), ('sensor_readings', 'timestamp'), ('energy_readings', 'timestamp'), ('flow_data', 'created_at')
  LOOP
    EXECUTE format($trigger$
      CREATE TRIGGER update_device_last_seen_trigger AFTER INSERT ON %I REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT
      WHEN (current_setting('fieldline.writer', true) IS DISTINCT FROM 'on')
      EXECUTE FUNCTION update_device_last_seen(%L)$trigger$, series, column_name);
  END LOOP;
END $$;
