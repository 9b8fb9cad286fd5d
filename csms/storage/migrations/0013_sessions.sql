-- What people put right of sessions and add to them, what is worked out of what stations tell, and lists that are fast
-- in any order.
--
-- The columns that were there before stay what the station told. What holds is in `began_at`, `ended_at`, `charged_wh`
-- and `shown_token`: corrected where somebody corrected it, else the station's.

ALTER TABLE session
    ADD COLUMN plugged_in_at        timestamptz,
    ADD COLUMN plugged_out_at       timestamptz,
    ADD COLUMN goal_reached_at      timestamptz,
    ADD COLUMN soc_start_percent    double precision,
    ADD COLUMN error_codes          text[] NOT NULL DEFAULT '{}',
    ADD COLUMN corrected_started_at timestamptz,
    ADD COLUMN corrected_stopped_at timestamptz,
    ADD COLUMN corrected_energy_wh  double precision,
    ADD COLUMN corrected_id_token   text,
    ADD COLUMN user_corrected       boolean NOT NULL DEFAULT false,
    ADD COLUMN closed_at            timestamptz,
    ADD COLUMN closed_by            text NOT NULL DEFAULT '',
    ADD COLUMN close_reason         text NOT NULL DEFAULT '',
    ADD COLUMN mileage_km           integer,
    ADD COLUMN vehicle_id           text NOT NULL DEFAULT '',
    ADD COLUMN purpose              text NOT NULL DEFAULT '',
    ADD COLUMN note                 text NOT NULL DEFAULT '',
    ADD COLUMN reference_number     text NOT NULL DEFAULT '';
COMMENT ON COLUMN session.closed_at IS 'when the server or a person ended it because its end never came; it stays when the end comes after all';
COMMENT ON COLUMN session.closed_by IS 'users/{id}, apiKeys/{id}, or empty: the server by its rule';

-- While it goes on, what will only be known at its end is endless: so these do not change with every meter value, and
-- their indexes cost nothing until it ends.
ALTER TABLE session
    ADD COLUMN began_at timestamptz NOT NULL
        GENERATED ALWAYS AS (coalesce(corrected_started_at, started_at, logged_at)) STORED,
    ADD COLUMN ended_at timestamptz NOT NULL
        GENERATED ALWAYS AS (CASE WHEN state = 'ENDED'
            THEN coalesce(corrected_stopped_at, stopped_at, stop_logged_at, logged_at)
            ELSE timestamptz 'infinity' END) STORED,
    ADD COLUMN charged_wh double precision NOT NULL
        GENERATED ALWAYS AS (coalesce(corrected_energy_wh, energy_wh)) STORED,
    ADD COLUMN shown_token text COLLATE "C" NOT NULL
        GENERATED ALWAYS AS (coalesce(corrected_id_token, id_token)) STORED,
    ADD COLUMN final_wh double precision NOT NULL
        GENERATED ALWAYS AS (CASE WHEN state = 'ENDED' THEN coalesce(corrected_energy_wh, energy_wh)
            ELSE double precision 'Infinity' END) STORED,
    ADD COLUMN final_max_power_w double precision NOT NULL
        GENERATED ALWAYS AS (CASE WHEN state = 'ENDED' THEN max_power_w ELSE double precision 'Infinity' END) STORED,
    ADD COLUMN duration_s double precision NOT NULL
        GENERATED ALWAYS AS (CASE WHEN state = 'ENDED'
            THEN extract(epoch FROM coalesce(corrected_stopped_at, stopped_at, stop_logged_at, logged_at)
                - coalesce(corrected_started_at, started_at, logged_at))::double precision
            ELSE double precision 'Infinity' END) STORED;
COMMENT ON COLUMN session.ended_at IS 'infinity: it goes on';
COMMENT ON COLUMN session.duration_s IS 'Infinity: it goes on';

DROP INDEX session_newest;
DROP INDEX session_of_station;
DROP INDEX session_of_token;
DROP INDEX session_to_reconcile;
DROP INDEX session_of_place;
DROP INDEX session_of_user;
-- With what totals and searches look at, so that they need not read the table itself.
CREATE INDEX session_newest ON session (began_at, id) INCLUDE (state, station_id, place_id, user_id, shown_token,
    station_identity, vehicle_id, evse_id, final_wh, final_max_power_w, duration_s);
CREATE INDEX session_of_station ON session (station_id, began_at, id);
CREATE INDEX session_of_place ON session (place_id, began_at, id);
CREATE INDEX session_of_token ON session (shown_token, began_at, id);
CREATE INDEX session_of_user ON session (user_id, began_at, id) WHERE user_id IS NOT NULL;
CREATE INDEX session_to_reconcile ON session (began_at, id) WHERE needs_reconciliation;
CREATE INDEX session_by_end ON session (ended_at, id);
CREATE INDEX session_by_energy ON session (final_wh, id);
CREATE INDEX session_by_power ON session (final_max_power_w, id);
CREATE INDEX session_by_duration ON session (duration_s, id);
CREATE INDEX session_by_identity ON session (station_identity COLLATE "C", id);
CREATE INDEX session_by_token ON session (shown_token, id);
CREATE INDEX session_by_log_time ON session (logged_at, id);
CREATE INDEX session_with_errors ON session (began_at, id) WHERE error_codes <> '{}';
CREATE INDEX session_of_remote_start ON session (station_id_at_start, remote_start_id)
    WHERE remote_start_id IS NOT NULL;
CREATE INDEX session_vehicle ON session (user_id, vehicle_id) WHERE vehicle_id <> '';

-- Who changed what of a session, from what to what, and why. `field` is what the control API calls it.
CREATE TABLE session_correction (
    id         bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    session_id bigint NOT NULL,
    field      text NOT NULL,
    before     text NOT NULL,
    after      text NOT NULL,
    actor      text NOT NULL,
    actor_name text NOT NULL,
    at         timestamptz NOT NULL,
    reason     text NOT NULL
);
CREATE INDEX session_correction_of_session ON session_correction (session_id, id);

-- A driver's logbook: stations that demand it, and what was said with a remote start whose session has not begun yet.
ALTER TABLE station ADD COLUMN logbook boolean NOT NULL DEFAULT false;
CREATE TABLE logbook_waiting (
    station_id      bigint NOT NULL,
    remote_start_id bigint NOT NULL,
    mileage_km      integer,
    vehicle_id      text NOT NULL,
    purpose         text NOT NULL,
    actor           text NOT NULL,
    actor_name      text NOT NULL,
    at              timestamptz NOT NULL,
    PRIMARY KEY (station_id, remote_start_id)
);

-- Every change of a connector's status, for the timeline of sessions. The present one is in `connector`.
CREATE TABLE status_history (
    station_id        bigint NOT NULL,
    evse_id           integer NOT NULL,
    connector_id      integer NOT NULL,
    at                timestamptz NOT NULL,
    received_at       timestamptz NOT NULL,
    status            text NOT NULL,
    error_code        text NOT NULL,
    info              text NOT NULL,
    vendor_error_code text NOT NULL,
    UNIQUE (station_id, evse_id, connector_id, received_at, status)
);
CREATE INDEX status_history_at ON status_history (station_id, at);
CREATE INDEX status_history_age ON status_history (received_at);
