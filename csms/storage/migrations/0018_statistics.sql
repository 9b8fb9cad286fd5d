-- Statistics: what sessions used, by quarter of an hour, hour, day and month, so that a chart reads thousands of rows and
-- not millions. Energy is kept in mWh: whole numbers, whose sums are exact in any order.

-- Sessions that changed and were not reckoned anew yet. Filled by whoever changes a session, in the same transaction: a
-- change that is committed late is seen late, and none is ever missed. Nothing here is unique, so nobody waits.
CREATE TABLE usage_change (
    id         bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    session_id bigint NOT NULL
);
CREATE FUNCTION note_session_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO usage_change (session_id) SELECT changed.id FROM changed;
    RETURN NULL;
END $$;
CREATE TRIGGER session_made AFTER INSERT ON session REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION note_session_changes();
CREATE TRIGGER session_changed AFTER UPDATE ON session REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION note_session_changes();
CREATE TRIGGER session_deleted AFTER DELETE ON session REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION note_session_changes();
INSERT INTO usage_change (session_id) SELECT id FROM session ORDER BY id;

-- What each session has in the sums below: the difference to what it should have is what is written. It outlives the
-- meter values that it was made from. Element n of the arrays is the quarter of an hour first_quarter + n - 1, counted
-- from 1970 in UTC.
CREATE TABLE session_usage (
    session_id    bigint PRIMARY KEY,
    station_id    bigint NOT NULL,
    place_id      bigint NOT NULL,
    site_id       bigint NOT NULL,
    user_id       bigint NOT NULL,
    id_token      text COLLATE "C" NOT NULL,
    zone          text NOT NULL,
    began_s       bigint NOT NULL,
    ended_s       bigint NOT NULL,
    unplugged_s   bigint NOT NULL,
    energy_mwh    bigint NOT NULL,
    first_quarter integer NOT NULL,
    last_quarter  integer NOT NULL,
    slice_mwh     bigint[] NOT NULL,
    slice_s       smallint[] NOT NULL,
    slice_w       integer[] NOT NULL,
    reckoned_at   timestamptz NOT NULL,
    pending       boolean NOT NULL DEFAULT false
) WITH (fillfactor = 90);
COMMENT ON COLUMN session_usage.site_id IS 'of place_id; 1: the station stands at no site';
COMMENT ON COLUMN session_usage.user_id IS '0: nobody''s';
COMMENT ON COLUMN session_usage.began_s IS 'this and the next two: seconds since 1970, UTC';
COMMENT ON COLUMN session_usage.slice_s IS 'seconds of charging';
COMMENT ON COLUMN session_usage.slice_w IS 'highest power';
CREATE INDEX session_usage_span ON session_usage (first_quarter, last_quarter);
CREATE INDEX session_usage_station ON session_usage (station_id, first_quarter, last_quarter);
CREATE INDEX session_usage_place ON session_usage (place_id, first_quarter, last_quarter);
CREATE INDEX session_usage_user ON session_usage (user_id, first_quarter, last_quarter) WHERE user_id <> 0;
CREATE INDEX session_usage_pending ON session_usage (reckoned_at) WHERE pending;

-- By the days and months of the site's own clock. `sessions`, `with_energy`, `begun_mwh` and `begun_s` are of sessions
-- that began then; the others are what passed in that time.
CREATE TABLE usage_day (
    day         date NOT NULL,
    station_id  bigint NOT NULL,
    place_id    bigint NOT NULL,
    user_id     bigint NOT NULL,
    id_token    text COLLATE "C" NOT NULL,
    energy_mwh  bigint NOT NULL,
    charging_s  bigint NOT NULL,
    occupied_s  bigint NOT NULL,
    sessions    bigint NOT NULL,
    with_energy bigint NOT NULL,
    begun_mwh   bigint NOT NULL,
    begun_s     bigint NOT NULL,
    peak_w      integer NOT NULL,
    PRIMARY KEY (station_id, day, place_id, user_id, id_token)
) WITH (fillfactor = 80);
CREATE INDEX ON usage_day (day);
CREATE INDEX ON usage_day (place_id, day);
CREATE INDEX ON usage_day (user_id, day) WHERE user_id <> 0;
CREATE TABLE usage_month (LIKE usage_day INCLUDING ALL) WITH (fillfactor = 80);
COMMENT ON TABLE usage_month IS 'day: the first of the month';

-- By site only; site 0 is everything.
CREATE TABLE usage_hour (
    site_id     bigint NOT NULL,
    day         date NOT NULL,
    hour        smallint NOT NULL,
    energy_mwh  bigint NOT NULL,
    charging_s  bigint NOT NULL,
    occupied_s  bigint NOT NULL,
    sessions    bigint NOT NULL,
    with_energy bigint NOT NULL,
    begun_mwh   bigint NOT NULL,
    begun_s     bigint NOT NULL,
    PRIMARY KEY (site_id, day, hour)
) WITH (fillfactor = 80);
COMMENT ON TABLE usage_hour IS 'by the site''s own clock: where it is put back, two hours are one';
CREATE TABLE usage_quarter (
    site_id     bigint NOT NULL,
    at          timestamptz NOT NULL,
    energy_mwh  bigint NOT NULL,
    charging_s  bigint NOT NULL,
    occupied_s  bigint NOT NULL,
    sessions    bigint NOT NULL,
    with_energy bigint NOT NULL,
    begun_mwh   bigint NOT NULL,
    begun_s     bigint NOT NULL,
    PRIMARY KEY (site_id, at)
) WITH (fillfactor = 80);

-- The highest power of one outlet, by the site's own days.
CREATE TABLE usage_peak (
    site_id bigint NOT NULL,
    day     date NOT NULL,
    peak_w  integer NOT NULL,
    PRIMARY KEY (site_id, day)
);

-- With which site and zone the sessions of a place were reckoned: when one changes, they are reckoned anew.
CREATE TABLE usage_place (
    place_id bigint PRIMARY KEY,
    site_id  bigint NOT NULL,
    zone     text NOT NULL
);

-- What people edit about statistics: one row.
CREATE TABLE statistics_settings (
    only_one          boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    grid_g_per_kwh    double precision NOT NULL DEFAULT 230,
    fossil_g_per_km   double precision NOT NULL DEFAULT 170,
    vehicle_wh_per_km double precision NOT NULL DEFAULT 190,
    version           integer NOT NULL DEFAULT 1
);
INSERT INTO statistics_settings DEFAULT VALUES;
