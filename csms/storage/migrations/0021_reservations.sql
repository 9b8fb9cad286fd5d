-- Reservations that begin later, that never overlap, and the people who wait for an occupied outlet.

ALTER TABLE station ADD COLUMN reservable boolean NOT NULL DEFAULT true;

ALTER TABLE reservation DROP CONSTRAINT reservation_state_check;
ALTER TABLE reservation ADD CONSTRAINT reservation_state_check
    CHECK (state IN ('BOOKED', 'REQUESTED', 'ACTIVE', 'REFUSED', 'USED', 'CANCELED', 'EXPIRED', 'REMOVED'));
ALTER TABLE reservation
    ADD COLUMN user_id  bigint REFERENCES app_user (id) ON DELETE SET NULL,
    ADD COLUMN tried_at timestamptz;
COMMENT ON COLUMN reservation.user_id IS 'whose tag it is';
COMMENT ON COLUMN reservation.tried_at IS 'when the station was last asked';
UPDATE reservation SET user_id = id_token.user_id FROM id_token WHERE id_token.id_token = reservation.id_token;

-- A station holds one reservation for an EVSE: of those that overlap, the newest is the one that it knows.
UPDATE reservation AS older SET state = 'REMOVED', ended_at = now(), note = 'A newer reservation took its place.'
WHERE older.state IN ('REQUESTED', 'ACTIVE') AND EXISTS (
    SELECT FROM reservation AS newer
    WHERE newer.station_id = older.station_id AND newer.evse_id = older.evse_id AND newer.id > older.id
        AND newer.state IN ('REQUESTED', 'ACTIVE')
        AND tstzrange(newer.starts_at, newer.expires_at) && tstzrange(older.starts_at, older.expires_at));
-- Reservations of any EVSE are counted instead, when they are made.
ALTER TABLE reservation ADD CONSTRAINT reservation_overlap EXCLUDE USING gist (
    int8range(station_id, station_id, '[]') WITH &&,
    (CASE WHEN evse_id IS NULL THEN 'empty'::int4range ELSE int4range(evse_id, evse_id, '[]') END) WITH &&,
    tstzrange(starts_at, expires_at) WITH &&
) WHERE (state IN ('BOOKED', 'REQUESTED', 'ACTIVE'));

DROP INDEX reservation_open;
CREATE INDEX reservation_open ON reservation (expires_at) WHERE state IN ('BOOKED', 'REQUESTED', 'ACTIVE');
CREATE INDEX reservation_booked ON reservation (starts_at) WHERE state = 'BOOKED';
CREATE INDEX reservation_user ON reservation (user_id, id DESC) WHERE user_id IS NOT NULL;

CREATE TABLE reservation_wait (
    id             bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    station_id     bigint NOT NULL REFERENCES station (id) ON DELETE CASCADE,
    evse_id        integer,
    id_token       text NOT NULL,
    user_id        bigint REFERENCES app_user (id) ON DELETE CASCADE,
    state          text NOT NULL CHECK (state IN ('WAITING', 'OFFERED', 'TAKEN', 'MISSED', 'LEFT')),
    reservation_id integer,
    created_by     text NOT NULL DEFAULT '',
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    until          timestamptz NOT NULL
);
CREATE UNIQUE INDEX reservation_wait_once ON reservation_wait (station_id, id_token) WHERE state IN ('WAITING', 'OFFERED');
CREATE INDEX reservation_wait_open ON reservation_wait (station_id, id) WHERE state IN ('WAITING', 'OFFERED');
COMMENT ON COLUMN reservation_wait.until IS 'after that nobody waits any more';
