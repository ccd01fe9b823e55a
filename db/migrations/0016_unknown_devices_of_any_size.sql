-- unknown_devices with adverts of any prefix and any size: it knew bt-mqtt alone, gathered all adverts of a device to find the newest, and failed beyond 1 GB.

-- Adverts from `since` until before `until` that no decoder has made a device of, of at most the `newest` messages there;
-- null: of all. A message may hold several adverts. One has 1,650 bytes at most, in hex twice as many: what is larger is none.
CREATE OR REPLACE FUNCTION unknown_devices_between(since timestamptz, until timestamptz, newest bigint DEFAULT NULL) RETURNS TABLE (
  address text, adverts bigint, first_seen timestamptz, last_seen timestamptz, scanners text[], example jsonb, name text,
  company_ids text[], service_uuids text[])
LANGUAGE sql STABLE AS $$
  WITH heard AS MATERIALIZED (
    SELECT r.scanner_id, r.timestamp, advert, advert ->> 'address' AS spelled
    FROM (SELECT scanner_id, topic, timestamp, payload FROM raw_advertisements
      WHERE timestamp >= since AND timestamp < until ORDER BY timestamp DESC, id DESC LIMIT newest) AS r
    CROSS JOIN LATERAL jsonb_path_query(r.payload, 'lax $[*]') AS advert
    WHERE is_advert(r.topic, r.payload) AND jsonb_typeof(advert -> 'address') = 'string' AND pg_column_size(advert) <= 8192
  ), unknown AS MATERIALIZED (
    -- Each spelling of an address once: to bring it into its one form takes longer than all else.
    SELECT spelled, device_address(spelled) AS address FROM (SELECT DISTINCT spelled FROM heard) AS every
    WHERE NOT EXISTS (SELECT FROM devices WHERE device_id = device_address(spelled))
  ), last AS (
    SELECT DISTINCT ON (u.address) u.address, h.advert FROM unknown u JOIN heard h USING (spelled)
    ORDER BY u.address, h.timestamp DESC
  ), every AS (
    SELECT u.address, count(*) AS adverts, min(h.timestamp) AS first_seen, max(h.timestamp) AS last_seen,
      array_agg(DISTINCT h.scanner_id) AS scanners,
      (array_agg(left(h.advert ->> 'name', 200) ORDER BY h.timestamp DESC) FILTER (WHERE h.advert ->> 'name' <> ''))[1] AS name,
      string_agg(DISTINCT c.companies, ' ') AS companies, string_agg(DISTINCT c.services, ' ') AS services
    FROM unknown u JOIN heard h USING (spelled) CROSS JOIN LATERAL (SELECT
      (SELECT string_agg(key, ' ' ORDER BY key) FROM jsonb_object_keys(
        CASE jsonb_typeof(h.advert -> 'manufacturer_data') WHEN 'object' THEN h.advert -> 'manufacturer_data' ELSE '{}' END) AS key) AS companies,
      (SELECT string_agg(key, ' ' ORDER BY key) FROM (
        SELECT jsonb_object_keys(CASE jsonb_typeof(h.advert -> 'service_data') WHEN 'object' THEN h.advert -> 'service_data' ELSE '{}' END) AS key
        UNION SELECT jsonb_array_elements_text(CASE jsonb_typeof(h.advert -> 'service_uuids') WHEN 'array' THEN h.advert -> 'service_uuids' ELSE '[]' END)
      ) AS service) AS services) AS c
    GROUP BY u.address
  )
  SELECT address, every.adverts, every.first_seen, every.last_seen, every.scanners, last.advert, every.name,
    ARRAY(SELECT DISTINCT key FROM unnest(string_to_array(every.companies, ' ')) AS key WHERE key <> '' ORDER BY key),
    ARRAY(SELECT DISTINCT key FROM unnest(string_to_array(every.services, ' ')) AS key WHERE key <> '' ORDER BY key)
  FROM every JOIN last USING (address)
$$;
