-- What stations tell about themselves: events, things they hold, variables, and jobs that take them a while.

CREATE TABLE station_event (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    station_id  bigint NOT NULL REFERENCES station (id) ON DELETE CASCADE,
    at          timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    kind        text NOT NULL,
    summary     text NOT NULL,
    evse_id     integer,
    severity    smallint,
    body        jsonb NOT NULL,
    digest      bigint NOT NULL,
    UNIQUE (station_id, received_at, kind, digest)
);
CREATE INDEX station_event_newest ON station_event (station_id, id DESC);
CREATE INDEX station_event_received ON station_event (received_at);

CREATE TABLE station_item (
    station_id bigint NOT NULL REFERENCES station (id) ON DELETE CASCADE,
    kind       text NOT NULL,
    key        text NOT NULL,
    at         timestamptz NOT NULL,
    body       jsonb,
    PRIMARY KEY (station_id, kind, key)
);

CREATE TABLE station_variable (
    station_id         bigint NOT NULL REFERENCES station (id) ON DELETE CASCADE,
    component          text NOT NULL,
    component_instance text NOT NULL,
    evse_id            integer NOT NULL,
    connector_id       integer NOT NULL,
    variable           text NOT NULL,
    variable_instance  text NOT NULL,
    attribute_type     text NOT NULL,
    at                 timestamptz NOT NULL,
    value              text,
    mutability         text NOT NULL,
    persistent         boolean NOT NULL,
    constant           boolean NOT NULL,
    characteristics    jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (station_id, component, component_instance, evse_id, connector_id, variable, variable_instance,
                 attribute_type)
);

-- Its numbers are OCPP's requestId, which is an integer of 32 bits.
CREATE SEQUENCE station_job_id_seq AS integer;
CREATE TABLE station_job (
    id          bigint PRIMARY KEY DEFAULT nextval('station_job_id_seq'),
    station_id  bigint NOT NULL REFERENCES station (id) ON DELETE CASCADE,
    kind        text NOT NULL,
    state       text NOT NULL,
    status      text NOT NULL DEFAULT '',
    detail      text NOT NULL DEFAULT '',
    request     jsonb NOT NULL,
    parts       integer[] NOT NULL DEFAULT '{}',
    last_part   integer,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    finished_at timestamptz
);
CREATE INDEX station_job_newest ON station_job (station_id, id DESC);
CREATE INDEX station_job_unfinished ON station_job (station_id, kind) WHERE finished_at IS NULL;
