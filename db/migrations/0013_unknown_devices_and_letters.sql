-- Unknown devices without reading the whole archive, and dead letters that one node alone sends again.

-- Who sends a queued letter again says so, again and again, until it has settled: two nodes or gateways with overlapping
-- filters sent it twice, and a refusal counted twice.
ALTER TABLE dead_letters ADD COLUMN claimed_by text, ADD COLUMN claimed_until timestamptz;

-- The view below had every advert of the archive spelled out, sorted and matched, which took minutes after some million. It
-- looks at the newest messages now; the function does so for any part of the archive.

-- Adverts from `since` until before `until` that no decoder has made a device of, of at most the `newest` messages there;
-- null: of all. A message may hold several adverts.
CREATE FUNCTION unknown_devices_between(since timestamptz, until timestamptz, newest bigint DEFAULT NULL) RETURNS TABLE (
  address text, adverts bigint, first_seen timestamptz, last_seen timestamptz, scanners text[], example jsonb, name text,
  company_ids text[], service_uuids text[])
LANGUAGE sql STABLE AS $$
  WITH heard AS MATERIALIZED (
    SELECT r.scanner_id, r.timestamp, advert, advert ->> 'address' AS spelled
    FROM (SELECT scanner_id, topic, timestamp, payload FROM raw_advertisements
      WHERE timestamp >= since AND timestamp < until ORDER BY timestamp DESC, id DESC LIMIT newest) AS r
    CROSS JOIN LATERAL jsonb_path_query(r.payload, 'lax $[*]') AS advert
    WHERE r.topic LIKE 'bt-mqtt/raw/%' AND jsonb_typeof(advert -> 'address') = 'string'
  ), unknown AS MATERIALIZED (
    -- Each spelling of an address once: to bring it into its one form takes longer than all else.
    SELECT spelled, device_address(spelled) AS address FROM (SELECT DISTINCT spelled FROM heard) AS every
    WHERE NOT EXISTS (SELECT FROM devices WHERE device_id = device_address(spelled))
  )
  SELECT u.address, count(*), min(h.timestamp), max(h.timestamp), array_agg(DISTINCT h.scanner_id),
    (array_agg(h.advert ORDER BY h.timestamp DESC))[1],
    (array_agg(h.advert ->> 'name' ORDER BY h.timestamp DESC) FILTER (WHERE h.advert ->> 'name' <> ''))[1],
    ARRAY(SELECT DISTINCT key FROM unnest(string_to_array(string_agg(DISTINCT c.companies, ' '), ' ')) AS key WHERE key <> '' ORDER BY key),
    ARRAY(SELECT DISTINCT key FROM unnest(string_to_array(string_agg(DISTINCT c.services, ' '), ' ')) AS key WHERE key <> '' ORDER BY key)
  FROM unknown u JOIN heard h USING (spelled) CROSS JOIN LATERAL (SELECT
    (SELECT string_agg(key, ' ' ORDER BY key) FROM jsonb_object_keys(
      CASE jsonb_typeof(h.advert -> 'manufacturer_data') WHEN 'object' THEN h.advert -> 'manufacturer_data' ELSE '{}' END) AS key) AS companies,
    (SELECT string_agg(key, ' ' ORDER BY key) FROM (
      SELECT jsonb_object_keys(CASE jsonb_typeof(h.advert -> 'service_data') WHEN 'object' THEN h.advert -> 'service_data' ELSE '{}' END) AS key
      UNION SELECT jsonb_array_elements_text(CASE jsonb_typeof(h.advert -> 'service_uuids') WHEN 'array' THEN h.advert -> 'service_uuids' ELSE '[]' END)
    ) AS service) AS services) AS c
  GROUP BY u.address
$$;

-- Of the newest 100,000 messages of any kind.
CREATE OR REPLACE VIEW unknown_devices AS
SELECT address, adverts, first_seen, last_seen, scanners COLLATE "C" AS scanners, example, name, company_ids, service_uuids
FROM unknown_devices_between('-infinity', 'infinity', 100000);
