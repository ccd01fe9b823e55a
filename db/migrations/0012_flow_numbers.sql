-- Another writer may store NaN or Infinity. One of them made every sum, average and maximum over it NaN: it counts as absent now.
-- So does what lies beyond ±1e100, which is no measurement: avg and sum over it end in an error, for all devices.

CREATE FUNCTION finite(value double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN value BETWEEN -1e100 AND 1e100 THEN value END
$$;

CREATE OR REPLACE FUNCTION get_flow_statistics(device_id text, start_time timestamptz, end_time timestamptz)
RETURNS TABLE (avg double precision, min double precision, max double precision, total_volume double precision, readings bigint)
LANGUAGE sql STABLE AS $$
  WITH counted AS (
    (SELECT f.created_at, f.id, f.totalizer FROM flow_data f
     WHERE f.device_id = get_flow_statistics.device_id AND finite(f.totalizer) IS NOT NULL AND f.created_at <= start_time
     ORDER BY f.created_at DESC, f.id DESC LIMIT 1)
    UNION ALL
    SELECT f.created_at, f.id, f.totalizer FROM flow_data f
    WHERE f.device_id = get_flow_statistics.device_id AND finite(f.totalizer) IS NOT NULL
      AND f.created_at > start_time AND f.created_at <= end_time
  ), increments AS (
    SELECT totalizer_increment(lag(totalizer) OVER (ORDER BY created_at, id), totalizer,
      (SELECT totalizer_full_scale(d.metadata) FROM devices d WHERE d.device_id = get_flow_statistics.device_id)) AS volume
    FROM counted
  )
  SELECT avg(finite(f.flow_rate)), min(finite(f.flow_rate)), max(finite(f.flow_rate)),
    coalesce((SELECT sum(volume) FROM increments), 0), count(*)
  FROM flow_data f
  WHERE f.device_id = get_flow_statistics.device_id AND f.created_at >= start_time AND f.created_at <= end_time
$$;

CREATE OR REPLACE FUNCTION flow_hours_since(device text, since timestamptz) RETURNS TABLE (
  hour timestamptz, avg_flow_rate double precision, max_flow_rate double precision, min_flow_rate double precision,
  total_volume double precision, readings bigint)
LANGUAGE sql STABLE AS $$
  WITH counted AS (
    (SELECT f.created_at, f.id, f.totalizer, false AS own, NULL::double precision AS flow_rate FROM flow_data f
     WHERE f.device_id = device AND finite(f.totalizer) IS NOT NULL AND f.created_at = (
       SELECT l.created_at FROM flow_data l
       WHERE l.device_id = device AND finite(l.totalizer) IS NOT NULL AND l.created_at < since
       ORDER BY l.created_at DESC LIMIT 1)
     ORDER BY f.id DESC LIMIT 1)
    UNION ALL
    SELECT f.created_at, f.id, finite(f.totalizer), true, finite(f.flow_rate)
    FROM flow_data f WHERE f.device_id = device AND f.created_at >= since
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

-- Hours that were rolled up with such a number are made anew.
SELECT reopen_flow_hours(device_id, min(hour)) FROM flow_hours
WHERE finite(total_volume) IS NULL
  OR (max_flow_rate IS NOT NULL AND finite(max_flow_rate) IS NULL) OR (min_flow_rate IS NOT NULL AND finite(min_flow_rate) IS NULL)
GROUP BY device_id;

-- variant: plain
-- The further forms of TimescaleDB: buckets that begin later, and buckets of whole numbers.
CREATE FUNCTION time_bucket(bucket_width interval, ts timestamptz, "offset" interval) RETURNS timestamptz
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT time_bucket(bucket_width, ts - "offset") + "offset"
$$;
CREATE FUNCTION time_bucket(bucket_width bigint, ts bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT (floor(ts::numeric / bucket_width) * bucket_width)::bigint
$$;
