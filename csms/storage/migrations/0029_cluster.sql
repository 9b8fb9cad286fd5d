-- Several processes, one database: who does the work that is done once, guesses that count for all, tags read by change.

-- Only ever greater: what a holder of an older lease still writes is refused.
CREATE TABLE lease_epoch (
    name     text PRIMARY KEY,
    made_us  bigint NOT NULL,
    revision bigint NOT NULL,
    holder   text NOT NULL,
    taken_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN lease_epoch.made_us IS 'when the keys on the bus were made (µs): they count from 1 again when the bus has lost its data';
COMMENT ON COLUMN lease_epoch.revision IS 'of the lease''s key when it was taken';

-- Attempts at signing in; the key says of whom or from where, as a digest.
CREATE TABLE attempt (
    key     bytea PRIMARY KEY,
    times   timestamptz[] NOT NULL,
    last_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX attempt_last ON attempt (last_at);

-- Tags are in the memory of each process, which reads what changed.
ALTER TABLE id_token ADD COLUMN changed_at timestamptz NOT NULL DEFAULT now();
CREATE INDEX id_token_changed ON id_token (changed_at);
CREATE TABLE id_token_gone (
    id_token text COLLATE "C" NOT NULL,
    gone_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX id_token_gone_at ON id_token_gone (gone_at);

CREATE FUNCTION note_id_token() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        INSERT INTO id_token_gone (id_token) VALUES (OLD.id_token);
        RETURN OLD;
    END IF;
    NEW.changed_at := now();
    RETURN NEW;
END
$$;
CREATE TRIGGER id_token_changes BEFORE INSERT OR UPDATE OR DELETE ON id_token
    FOR EACH ROW EXECUTE FUNCTION note_id_token();

-- What a tag's user is called, and whether they are blocked, is in memory with it.
CREATE FUNCTION note_id_tokens_of_user() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE id_token SET changed_at = now() WHERE user_id = NEW.id;
    RETURN NULL;
END
$$;
CREATE TRIGGER app_user_changes_tags AFTER UPDATE OF email, display_name, blocked ON app_user
    FOR EACH ROW WHEN ((OLD.email, OLD.display_name, OLD.blocked) IS DISTINCT FROM (NEW.email, NEW.display_name, NEW.blocked))
    EXECUTE FUNCTION note_id_tokens_of_user();
