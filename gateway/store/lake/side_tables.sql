-- The tables of the gateway beside those of DuckLake, in the same PostgreSQL database, and the gate of every commit.
-- `gateway lake init` runs it again and again without harm.
CREATE SCHEMA IF NOT EXISTS gw;
CREATE TABLE IF NOT EXISTS gw.store (
    one boolean PRIMARY KEY DEFAULT true CHECK (one), id text NOT NULL, format integer NOT NULL, made_at timestamptz NOT NULL
);
-- The state after the last commit. Every commit replaces it, and only one that knows its number may.
CREATE TABLE IF NOT EXISTS gw.gate (
    one boolean PRIMARY KEY DEFAULT true CHECK (one), number bigint NOT NULL, snapshot bigint NOT NULL, batch bigint NOT NULL,
    definitions bigint NOT NULL, at timestamptz NOT NULL
);
CREATE TABLE IF NOT EXISTS gw.commits (
    nonce text PRIMARY KEY, number bigint NOT NULL, snapshot bigint NOT NULL, gateway text NOT NULL, at timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS commits_at ON gw.commits (at);
CREATE TABLE IF NOT EXISTS gw.sequences (
    connector text PRIMARY KEY, last_id bigint NOT NULL, last_rejected_id bigint NOT NULL
);
CREATE TABLE IF NOT EXISTS gw.heads (
    connector text PRIMARY KEY, batch bigint NOT NULL, committed_at timestamptz NOT NULL, number bigint NOT NULL,
    sent_at timestamptz
);
CREATE INDEX IF NOT EXISTS heads_number ON gw.heads (number);
CREATE TABLE IF NOT EXISTS gw.batches (
    batch bigint PRIMARY KEY, connector text NOT NULL, committed_at timestamptz NOT NULL, action text NOT NULL,
    received bigint NOT NULL, rows bigint NOT NULL, rejected bigint NOT NULL, duplicates bigint NOT NULL,
    deleted bigint NOT NULL, bytes bigint NOT NULL, token text, first_id bigint, last_id bigint, snapshot bigint NOT NULL
);
CREATE INDEX IF NOT EXISTS batches_connector ON gw.batches (connector, batch);
CREATE INDEX IF NOT EXISTS batches_committed_at ON gw.batches (committed_at);
CREATE TABLE IF NOT EXISTS gw.keys (
    connector text NOT NULL, token text NOT NULL, key text NOT NULL, digest bytea NOT NULL, batch bigint,
    kept_at timestamptz NOT NULL, status integer NOT NULL, receipt text NOT NULL, PRIMARY KEY (connector, token, key)
);
CREATE INDEX IF NOT EXISTS keys_kept_at ON gw.keys (kept_at);
CREATE TABLE IF NOT EXISTS gw.connectors (
    name text PRIMARY KEY, file text NOT NULL, text text NOT NULL, applied_at timestamptz NOT NULL, removed_at timestamptz,
    revision bigint NOT NULL
);
CREATE TABLE IF NOT EXISTS gw.history (
    event bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, connector text NOT NULL, happened_at timestamptz NOT NULL,
    action text NOT NULL, file text NOT NULL, revision bigint NOT NULL, changes text NOT NULL, old_text text, new_text text,
    author text
);
CREATE INDEX IF NOT EXISTS history_connector ON gw.history (connector, happened_at);
CREATE TABLE IF NOT EXISTS gw.purged (
    connector text NOT NULL, purged_at timestamptz NOT NULL, revision bigint NOT NULL
);
-- The sessions of browsers, by the SHA-256 of their ids.
CREATE TABLE IF NOT EXISTS gw.sessions (
    key bytea PRIMARY KEY, token text NOT NULL, sha256 bytea NOT NULL, began_at timestamptz NOT NULL, used_at timestamptz NOT NULL
);
-- The store of one machine that is or was imported, and its connectors whose rows are there.
CREATE TABLE IF NOT EXISTS gw.imports (
    store text PRIMARY KEY, began_at timestamptz NOT NULL, finished_at timestamptz
);
CREATE TABLE IF NOT EXISTS gw.imported (
    store text NOT NULL, connector text NOT NULL, PRIMARY KEY (store, connector)
);
-- The last run of each step of the upkeep.
CREATE TABLE IF NOT EXISTS gw.maintenance (
    step text PRIMARY KEY, began_at timestamptz NOT NULL, seconds double precision NOT NULL, gateway text NOT NULL,
    did jsonb NOT NULL, error text, succeeded_at timestamptz
);

-- Records a commit: x is what the gateway wrote into the message of the commit, new_snapshot the snapshot of DuckLake,
-- or null for a commit that changes no table of the lake.
CREATE OR REPLACE FUNCTION gw.record(x jsonb, new_snapshot bigint) RETURNS void LANGUAGE plpgsql AS $body$
DECLARE
    next_number bigint;
    base bigint;
    moment timestamptz := (x->>'at')::timestamptz;
BEGIN
    IF x->>'parent' IS NULL THEN
        RAISE EXCEPTION 'gateway: no parent' USING ERRCODE = 'GW002';
    END IF;
    -- Until a store is wholly there, only its import may commit.
    IF EXISTS (SELECT FROM gw.imports WHERE finished_at IS NULL AND store IS DISTINCT FROM x->>'import') THEN
        RAISE EXCEPTION 'gateway: an import is not finished' USING ERRCODE = 'GW003';
    END IF;
    UPDATE gw.gate SET
        number = number + 1,
        snapshot = coalesce(new_snapshot, snapshot),
        batch = greatest(batch, (x->>'batch')::bigint),
        definitions = CASE WHEN x ? 'definitions' THEN number + 1 ELSE definitions END,
        at = moment
    WHERE number = (x->>'parent')::bigint AND (new_snapshot IS NULL OR new_snapshot > snapshot)
    RETURNING number, snapshot INTO next_number, base;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'gateway: fenced after commit %', x->>'parent' USING ERRCODE = 'GW001';
    END IF;
    INSERT INTO gw.commits VALUES (x->>'nonce', next_number, base, x->>'gateway', moment);
    INSERT INTO gw.sequences
        SELECT key, (value->>0)::bigint, (value->>1)::bigint FROM jsonb_each(x->'sequences')
        ON CONFLICT (connector) DO UPDATE SET
            last_id = greatest(gw.sequences.last_id, excluded.last_id),
            last_rejected_id = greatest(gw.sequences.last_rejected_id, excluded.last_rejected_id);
    INSERT INTO gw.batches
        SELECT (e->>0)::bigint, e->>1, moment, e->>2, (e->>3)::bigint, (e->>4)::bigint, (e->>5)::bigint, (e->>6)::bigint,
            (e->>7)::bigint, (e->>8)::bigint, e->>9, (e->>10)::bigint, (e->>11)::bigint, base
        FROM jsonb_array_elements(x->'entries') AS e;
    INSERT INTO gw.heads
        SELECT e->>1, max((e->>0)::bigint), moment, next_number,
            CASE WHEN bool_or(e->>2 IN ('post', 'put')) THEN moment END
        FROM jsonb_array_elements(x->'entries') AS e GROUP BY 1
        ON CONFLICT (connector) DO UPDATE SET
            batch = excluded.batch, committed_at = excluded.committed_at, number = excluded.number,
            sent_at = coalesce(excluded.sent_at, gw.heads.sent_at);
    INSERT INTO gw.keys
        SELECT k->>0, coalesce(k->>1, ''), k->>2, decode(k->>3, 'hex'), (k->>4)::bigint, moment, (k->>5)::integer, k->>6
        FROM jsonb_array_elements(x->'keys') AS k;
    IF x ? 'definitions' THEN
        PERFORM gw.define(x->'definitions', moment);
    END IF;
    IF x ? 'imported' THEN
        INSERT INTO gw.imported VALUES (x->>'import', x->>'imported') ON CONFLICT DO NOTHING;
    END IF;
    PERFORM pg_notify('gw', next_number::text);
END $body$;

-- Records versions, removals, the purge, and events of connectors.
CREATE OR REPLACE FUNCTION gw.define(d jsonb, moment timestamptz) RETURNS void LANGUAGE plpgsql AS $body$
BEGIN
    INSERT INTO gw.connectors
        SELECT v->>0, v->>1, v->>2, moment, NULL, (v->>3)::bigint FROM jsonb_array_elements(d->'versions') AS v
        ON CONFLICT (name) DO UPDATE SET
            file = excluded.file, text = excluded.text, applied_at = excluded.applied_at, removed_at = NULL,
            revision = excluded.revision;
    UPDATE gw.connectors SET removed_at = moment WHERE name IN (SELECT jsonb_array_elements_text(d->'removed'));
    IF d->>'purged' IS NOT NULL THEN
        INSERT INTO gw.purged SELECT name, moment, revision FROM gw.connectors WHERE name = d->>'purged';
        DELETE FROM gw.connectors WHERE name = d->>'purged';
        DELETE FROM gw.batches WHERE connector = d->>'purged';
        DELETE FROM gw.heads WHERE connector = d->>'purged';
        DELETE FROM gw.keys WHERE connector = d->>'purged';
        DELETE FROM gw.activity WHERE connector = d->>'purged';
    END IF;
    INSERT INTO gw.history (connector, happened_at, action, file, revision, changes, old_text, new_text, author)
        SELECT e->>0, moment, e->>1, e->>2, (e->>3)::bigint, e->>4, e->>5, e->>6, e->>7
        FROM jsonb_array_elements(d->'events') AS e;
END $body$;

-- Runs in the transaction of every commit of DuckLake. It leaves only the nonce in DuckLake's own tables.
CREATE OR REPLACE FUNCTION gw.committed() RETURNS trigger LANGUAGE plpgsql AS $body$
DECLARE
    x jsonb := coalesce(new.commit_extra_info, '{}')::jsonb;
BEGIN
    PERFORM gw.record(x, new.snapshot_id);
    new.commit_extra_info := jsonb_build_object('nonce', x->>'nonce')::text;
    RETURN new;
END $body$;

DROP TRIGGER IF EXISTS gw_committed ON public.ducklake_snapshot_changes;
CREATE TRIGGER gw_committed BEFORE INSERT ON public.ducklake_snapshot_changes FOR EACH ROW EXECUTE FUNCTION gw.committed();

-- DuckLake makes no index of its own: https://github.com/duckdb/ducklake/issues/859
CREATE INDEX IF NOT EXISTS gw_file_column_stats ON public.ducklake_file_column_stats (table_id, column_id);
CREATE INDEX IF NOT EXISTS gw_data_file ON public.ducklake_data_file (table_id, begin_snapshot);
-- The upkeep looks at live files alone.
CREATE INDEX IF NOT EXISTS gw_live_data_file ON public.ducklake_data_file (table_id) WHERE end_snapshot IS NULL;
CREATE INDEX IF NOT EXISTS gw_live_delete_file ON public.ducklake_delete_file (data_file_id) WHERE end_snapshot IS NULL;
