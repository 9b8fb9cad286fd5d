-- Reservations, and what stations hold as local authorisation lists.

-- Its numbers are OCPP's reservationId, an integer of 32 bits; a sequence never repeats.
CREATE SEQUENCE reservation_id_seq AS integer NO CYCLE;
CREATE TABLE reservation (
    id             integer PRIMARY KEY DEFAULT nextval('reservation_id_seq'),
    station_id     bigint NOT NULL REFERENCES station (id) ON DELETE CASCADE,
    state          text NOT NULL
        CHECK (state IN ('REQUESTED', 'ACTIVE', 'REFUSED', 'USED', 'CANCELED', 'EXPIRED', 'REMOVED')),
    id_token       text NOT NULL,
    group_id_token text,
    evse_id        integer,
    connector_type text NOT NULL DEFAULT '',
    starts_at      timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL CHECK (expires_at > starts_at),
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    ended_at       timestamptz,
    created_by     text NOT NULL DEFAULT '',
    status         text NOT NULL DEFAULT '',
    note           text NOT NULL DEFAULT ''
);
COMMENT ON COLUMN reservation.status IS 'the station''s last word, or the reason why there is none';
CREATE INDEX reservation_station ON reservation (station_id, id DESC);
CREATE INDEX reservation_tag ON reservation (id_token, id DESC);
CREATE INDEX reservation_open ON reservation (expires_at) WHERE state IN ('REQUESTED', 'ACTIVE');

CREATE TABLE local_list (
    station_id   bigint PRIMARY KEY REFERENCES station (id) ON DELETE CASCADE,
    version      integer NOT NULL,
    sent_version integer NOT NULL,
    certain      boolean NOT NULL,
    entries      jsonb NOT NULL,
    updated_at   timestamptz NOT NULL
);
COMMENT ON COLUMN local_list.sent_version IS 'the highest that was ever sent';
