-- Operations on many stations, a step for each, and schedules that begin them.

-- `draft`: what is to be done and at which stations, as JSON. Minutes after midnight by the clock of `time_zone`.
CREATE TABLE operation_schedule (
    id              bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    title           text NOT NULL,
    draft           text NOT NULL,
    minute          integer NOT NULL,
    days            integer[] NOT NULL,
    on_date         date,
    time_zone       text NOT NULL,
    enabled         boolean NOT NULL,
    next_run_at     timestamptz,
    last_run_at     timestamptz,
    last_detail     text NOT NULL DEFAULT '',
    created_by      text NOT NULL,
    created_by_name text NOT NULL,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    version         integer NOT NULL DEFAULT 1
);
CREATE INDEX operation_schedule_due ON operation_schedule (next_run_at) WHERE enabled;

-- `revision` grows with every change of the operation or one of its steps; a step has that of its last change.
CREATE TABLE operation (
    id              bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    kind            text NOT NULL,
    title           text NOT NULL,
    draft           text NOT NULL,
    state           text NOT NULL,
    detail          text NOT NULL DEFAULT '',
    created_by      text NOT NULL,
    created_by_name text NOT NULL,
    schedule_id     bigint REFERENCES operation_schedule (id) ON DELETE SET NULL,
    not_before      timestamptz,
    wave            integer NOT NULL DEFAULT 0,
    wave_started_at timestamptz,
    wave_ended_at   timestamptz,
    created_at      timestamptz NOT NULL,
    started_at      timestamptz,
    finished_at     timestamptz,
    revision        bigint NOT NULL DEFAULT 1
);
CREATE INDEX operation_of_schedule ON operation (schedule_id, id DESC) WHERE schedule_id IS NOT NULL;
CREATE INDEX operation_of_creator ON operation (created_by, id DESC);
CREATE INDEX operation_under_way ON operation (id) WHERE finished_at IS NULL;

-- Not bound to the station: what was done at one that is deleted now stays told.
CREATE TABLE operation_step (
    operation_id bigint NOT NULL REFERENCES operation (id) ON DELETE CASCADE,
    number       integer NOT NULL,
    station_id   bigint NOT NULL,
    identity     text NOT NULL,
    display_name text NOT NULL,
    wave         integer NOT NULL,
    state        text NOT NULL DEFAULT 'PENDING',
    attempt      integer NOT NULL DEFAULT 0,
    answer       text NOT NULL DEFAULT '',
    reason       text NOT NULL DEFAULT '',
    detail       text NOT NULL DEFAULT '',
    job_id       bigint,
    not_before   timestamptz,
    started_at   timestamptz,
    ended_at     timestamptz,
    revision     bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (operation_id, number)
);
CREATE INDEX operation_step_state ON operation_step (operation_id, state, wave, number);
CREATE INDEX operation_step_revision ON operation_step (operation_id, revision);
CREATE INDEX operation_step_station ON operation_step (station_id, operation_id DESC);
