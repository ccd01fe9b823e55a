-- Scanners with the word on them: online while the last heartbeat is at most 5 minutes old.
CREATE VIEW scanner_status AS
SELECT s.*, coalesce(s.last_seen > now() - interval '5 minutes', false) AS online, now() - s.last_seen AS silent_for
FROM scanners s;
