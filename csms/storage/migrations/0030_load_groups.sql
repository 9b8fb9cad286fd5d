-- Sites that stay under their limit: load groups, what grid meters told last, and what outlets may draw.

-- `policy`: limit, fail-safe and shares, as JSON (`csms.domain.load_group.Policy`).
CREATE TABLE load_group (
    id           bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    place_id     bigint NOT NULL REFERENCES place (id) ON DELETE CASCADE,
    display_name text NOT NULL,
    policy       text NOT NULL,
    enabled      boolean NOT NULL,
    version      integer NOT NULL DEFAULT 1,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX load_group_name ON load_group (place_id, lower(display_name));

-- The latest reading only.
CREATE TABLE grid_reading (
    group_id bigint PRIMARY KEY REFERENCES load_group (id) ON DELETE CASCADE,
    at       timestamptz NOT NULL,
    amperes  double precision[],
    watts    double precision,
    CHECK ((amperes IS NULL) <> (watts IS NULL))
);

-- EVSE 0: what each outlet falls back to. Tenths of amperes.
CREATE TABLE load_hold (
    station_id bigint NOT NULL REFERENCES station (id) ON DELETE CASCADE,
    evse_id    integer NOT NULL,
    held       integer NOT NULL,
    given      integer NOT NULL,
    expires_at timestamptz,
    sent_at    timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    answered   boolean NOT NULL,
    answer     text NOT NULL DEFAULT '',
    PRIMARY KEY (station_id, evse_id)
);
COMMENT ON COLUMN load_hold.held IS 'what may be drawn at most until expires_at, also if the last answer was lost';
COMMENT ON COLUMN load_hold.given IS 'what the station accepted last';
