-- API keys of gateways and apps: one in use for each name, a limit of its own where the class does not fit, rotation with overlap.
ALTER TABLE api_keys
  -- First characters of the key, to tell keys apart in a list.
  ADD COLUMN hint             text,
  -- Null: the limit of its kind.
  ADD COLUMN limit_per_minute int CHECK (limit_per_minute > 0),
  -- Takes the good items of a batch that has bad ones.
  ADD COLUMN partial          boolean NOT NULL DEFAULT false,
  -- Rotated: another key of that name is in use, this one works until it expires.
  ADD COLUMN replaced_at      timestamptz,
  ADD CHECK (kind IN ('gateway', 'app'));

CREATE UNIQUE INDEX api_keys_one_in_use ON api_keys (coalesce(org_id, '') COLLATE "C", name COLLATE "C")
  WHERE revoked_at IS NULL AND replaced_at IS NULL;
