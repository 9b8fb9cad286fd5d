-- Stations, sessions, meter values, tags, people, and the message log.
--
-- Times are the server's unless said otherwise; energy in Wh, power in W. Text that is sorted for pages has
-- COLLATE "C": its order must not change with the operating system's locale.

CREATE TABLE station (
    id                       bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    identity                 text COLLATE "C" NOT NULL UNIQUE,
    display_name             text NOT NULL DEFAULT '',
    description              text NOT NULL DEFAULT '',
    address                  text NOT NULL DEFAULT '',
    registration             text NOT NULL CHECK (registration IN ('Accepted', 'Pending', 'Rejected')),
    password_hash            text,
    version                  integer NOT NULL DEFAULT 1,
    online                   boolean NOT NULL DEFAULT false,
    link_epoch               bigint NOT NULL DEFAULT 0,
    protocol                 text NOT NULL DEFAULT '',
    remote_address           text NOT NULL DEFAULT '',
    connected_at             timestamptz,
    last_seen_at             timestamptz,
    vendor                   text NOT NULL DEFAULT '',
    model                    text NOT NULL DEFAULT '',
    serial_number            text NOT NULL DEFAULT '',
    firmware_version         text NOT NULL DEFAULT '',
    iccid                    text NOT NULL DEFAULT '',
    imsi                     text NOT NULL DEFAULT '',
    meter_type               text NOT NULL DEFAULT '',
    meter_serial_number      text NOT NULL DEFAULT '',
    charge_box_serial_number text NOT NULL DEFAULT '',
    boot_reason              text NOT NULL DEFAULT '',
    booted_at                timestamptz,
    attempts                 bigint NOT NULL DEFAULT 0,
    last_attempt_at          timestamptz,
    created_at               timestamptz NOT NULL DEFAULT now(),
    updated_at               timestamptz NOT NULL DEFAULT now()
);
-- Every heartbeat of a fleet rewrites these rows: room for versions on the same page, and frequent vacuum.
ALTER TABLE station SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);

CREATE TABLE connector (
    station_id        bigint NOT NULL REFERENCES station ON DELETE CASCADE,
    evse_id           integer NOT NULL,
    connector_id      integer NOT NULL,
    status            text NOT NULL,
    error_code        text NOT NULL,
    info              text NOT NULL,
    vendor_id         text NOT NULL,
    vendor_error_code text NOT NULL,
    at                timestamptz NOT NULL,
    received_at       timestamptz NOT NULL,
    PRIMARY KEY (station_id, evse_id, connector_id)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
COMMENT ON COLUMN connector.at IS 'by the station''s clock, where it gave a time';

-- OCPP 1.6 transaction ids are 32 bits wide. A sequence never repeats, whatever is rolled back or deleted.
CREATE SEQUENCE session_id_seq AS bigint MINVALUE 1 MAXVALUE 2147483647 NO CYCLE;

CREATE TABLE session (
    id                   bigint PRIMARY KEY,
    station_id           bigint REFERENCES station ON DELETE SET NULL,
    station_id_at_start  bigint NOT NULL,
    station_identity     text NOT NULL,
    logged_at            timestamptz NOT NULL,
    progress_at          timestamptz NOT NULL,
    evse_id              integer NOT NULL,
    connector_id         integer NOT NULL,
    transaction_id       text NOT NULL,
    id_token             text NOT NULL,
    authorization_status text,
    authentication       text NOT NULL,
    state                text NOT NULL CHECK (state IN ('ACTIVE', 'ENDED')),
    started_at           timestamptz,
    stopped_at           timestamptz,
    stop_logged_at       timestamptz,
    meter_start_wh       double precision,
    meter_stop_wh        double precision,
    energy_wh            double precision NOT NULL,
    register_last_wh     double precision,
    register_last_at     timestamptz,
    power_w              double precision NOT NULL,
    max_power_w          double precision NOT NULL,
    soc_percent          double precision,
    stop_reason          text NOT NULL,
    reservation_id       bigint,
    flags                text[] NOT NULL,
    needs_reconciliation boolean NOT NULL,
    meter_value_count    bigint NOT NULL,
    last_meter_at        timestamptz
) WITH (fillfactor = 80);
COMMENT ON COLUMN session.started_at IS 'by the station''s clock; null: the start was never seen';
COMMENT ON COLUMN session.energy_wh IS 'register state, with register_last_wh and register_last_at';

-- What makes two starts the same one.
CREATE UNIQUE INDEX session_start_key
    ON session (station_id_at_start, evse_id, started_at, id_token, coalesce(meter_start_wh, 0))
    WHERE started_at IS NOT NULL;
CREATE INDEX session_newest ON session ((coalesce(started_at, logged_at)) DESC, id DESC);
CREATE INDEX session_of_station ON session (station_id, (coalesce(started_at, logged_at)) DESC, id DESC);
CREATE INDEX session_of_token ON session (id_token, (coalesce(started_at, logged_at)) DESC, id DESC);
CREATE INDEX session_open ON session (station_id) WHERE state = 'ACTIVE';
CREATE INDEX session_to_reconcile ON session ((coalesce(started_at, logged_at)) DESC, id DESC)
    WHERE needs_reconciliation;
CREATE INDEX session_of_transaction ON session (station_id_at_start, transaction_id);
CREATE INDEX session_without_start ON session (station_id_at_start, stopped_at) WHERE started_at IS NULL;

-- One partition a day, made by the partition keeper; the default one takes what wrong clocks bring. No foreign keys:
-- thousands of rows a second come in here.
CREATE TABLE meter_value (
    station_id  bigint NOT NULL,
    evse_id     integer NOT NULL,
    session_id  bigint,
    measured_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    digest      bigint NOT NULL,
    energy_wh   double precision,
    power_w     double precision,
    soc_percent double precision,
    samples     bytea NOT NULL,
    CONSTRAINT meter_value_once UNIQUE (station_id, evse_id, measured_at, digest)
) PARTITION BY RANGE (measured_at);
CREATE INDEX meter_value_of_session ON meter_value (session_id, measured_at, digest);
CREATE TABLE meter_value_default PARTITION OF meter_value DEFAULT;
COMMENT ON COLUMN meter_value.measured_at IS 'by the station''s clock';
COMMENT ON COLUMN meter_value.samples IS
    'UTF-8 JSON: an array of [measurand, value, unit, phase, context, location, signed]; convert_from() shows it';

CREATE TABLE message_log (
    sequence     bigint NOT NULL,
    station_id   bigint NOT NULL,
    at           timestamptz NOT NULL,
    direction    smallint NOT NULL,
    message_type text NOT NULL,
    action       text NOT NULL,
    message_id   text NOT NULL,
    content      text NOT NULL,
    latency_s    double precision
) PARTITION BY RANGE (at);
CREATE INDEX message_log_of_station ON message_log (station_id, sequence DESC);
CREATE TABLE message_log_default PARTITION OF message_log DEFAULT;
COMMENT ON COLUMN message_log.sequence IS 'microseconds since 1970, or one more than the one before';
COMMENT ON COLUMN message_log.direction IS '1 received, 2 sent, 3 remark of the server';

CREATE TABLE id_token (
    id               bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    id_token         text COLLATE "C" NOT NULL UNIQUE,
    alias            text NOT NULL DEFAULT '',
    blocked          boolean NOT NULL DEFAULT false,
    expires_at       timestamptz,
    parent_id_token  text,
    allow_concurrent boolean NOT NULL DEFAULT false,
    note             text NOT NULL DEFAULT '',
    version          integer NOT NULL DEFAULT 1,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE app_user (
    id            bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    email         text NOT NULL,
    display_name  text NOT NULL,
    password_hash text NOT NULL,
    role          text NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX app_user_email ON app_user (lower(email));

-- Session tokens of people; only the SHA-256 of each is kept.
CREATE TABLE sign_in (
    digest     bytea PRIMARY KEY,
    user_id    bigint NOT NULL REFERENCES app_user ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    used_at    timestamptz,
    expires_at timestamptz NOT NULL,
    lifetime   interval NOT NULL
);
CREATE INDEX sign_in_of_user ON sign_in (user_id);

CREATE TABLE api_key (
    id           bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    display_name text NOT NULL,
    role         text NOT NULL,
    digest       bytea NOT NULL UNIQUE,
    hint         text NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz,
    last_used_at timestamptz
);

-- Answers to mutations that came with a request id. No answer yet: it is under way.
CREATE TABLE request_memory (
    caller     text NOT NULL,
    method     text NOT NULL,
    request_id text NOT NULL,
    digest     bytea NOT NULL,
    answer     bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (caller, method, request_id)
);
CREATE INDEX request_memory_age ON request_memory (created_at);
