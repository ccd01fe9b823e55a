-- flow_hours_since finds the last reading before the window by its time first: with the id in the same order TimescaleDB
-- sorted the whole chunk, all rows of a week, to get at one.
CREATE OR REPLACE FUNCTION flow_hours_since(device text, since timestamptz) RETURNS TABLE (
  hour timestamptz, avg_flow_rate double precision, max_flow_rate double precision, min_flow_rate double precision,
  total_volume double precision, readings bigint)
LANGUAGE sql STABLE AS $$
  WITH counted AS (
    (SELECT f.created_at, f.id, f.totalizer, false AS own, NULL::double precision AS flow_rate FROM flow_data f
     WHERE f.device_id = device AND f.totalizer IS NOT NULL AND f.created_at = (
       SELECT l.created_at FROM flow_data l
       WHERE l.device_id = device AND l.totalizer IS NOT NULL AND l.created_at < since ORDER BY l.created_at DESC LIMIT 1)
     ORDER BY f.id DESC LIMIT 1)
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
