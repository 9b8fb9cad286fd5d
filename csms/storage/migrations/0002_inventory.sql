-- What stations tell about themselves: events, things they hold, variables, and jobs that take them a while.

-- `digest` is made of the entry's content: the same entry written twice is one.
CREATE TABLE station_event (
    id          bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
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

-- Without a body: it is gone, and what was told of it before must not bring it back.
CREATE TABLE station_item (
    station_id bigint NOT NULL REFERENCES station (id) ON DELETE CASCADE,
    kind       text COLLATE "C" NOT NULL,
    key        text COLLATE "C" NOT NULL,
    at         timestamptz NOT NULL,
    body       jsonb,
    PRIMARY KEY (station_id, kind, key)
);

CREATE TABLE station_variable (
    station_id         bigint NOT NULL REFERENCES station (id) ON DELETE CASCADE,
    component          text COLLATE "C" NOT NULL,
    component_instance text COLLATE "C" NOT NULL,
    evse_id            integer NOT NULL,
    connector_id       integer NOT NULL,
    variable           text COLLATE "C" NOT NULL,
    variable_instance  text COLLATE "C" NOT NULL,
    attribute_type     text COLLATE "C" NOT NULL,
    at                 timestamptz NOT NULL,
    value              text,
    mutability         text NOT NULL DEFAULT 'ReadWrite',
    persistent         boolean NOT NULL DEFAULT false,
    constant           boolean NOT NULL DEFAULT false,
    characteristics    jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (station_id, component, component_instance, evse_id, connector_id, variable, variable_instance,
                 attribute_type)
);

-- Its numbers are OCPP's requestId, which is an integer of 32 bits. `told_at`: when the station last told something
-- that was added to `detail`.
CREATE SEQUENCE station_job_id_seq AS integer;
CREATE TABLE station_job (
    id          bigint PRIMARY KEY DEFAULT nextval('station_job_id_seq'),
    station_id  bigint NOT NULL REFERENCES station (id) ON DELETE CASCADE,
    kind        text NOT NULL,
    state       text NOT NULL CHECK (state IN ('REQUESTED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELED')),
    status      text NOT NULL DEFAULT '',
    detail      text NOT NULL DEFAULT '',
    request     jsonb NOT NULL,
    parts       integer[] NOT NULL DEFAULT '{}',
    last_part   integer,
    told_at     timestamptz,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    finished_at timestamptz
);
CREATE INDEX station_job_newest ON station_job (station_id, id DESC);
CREATE INDEX station_job_unfinished ON station_job (station_id, kind) WHERE finished_at IS NULL;

-- Steps that stations told of their jobs, in order. Each sees what those before it did, so that any number of them is
-- one statement. Repeating them changes nothing: a finished job stays as it is, a part is taken in once, and other
-- details are taken in when they are newer than the last.
CREATE FUNCTION take_job_steps(
    station_ids bigint[], kinds text[], ats timestamptz[], request_ids bigint[], statuses text[], states text[],
    part_numbers integer[], lasts boolean[], details text[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    step record;
    job  station_job;
BEGIN
    FOR step IN
        SELECT * FROM unnest(station_ids, kinds, ats, request_ids, statuses, states, part_numbers, lasts, details)
        WITH ORDINALITY AS u (station_id, kind, at, request_id, status, state, part, is_last, detail, place)
        ORDER BY place
    LOOP
        SELECT * INTO job FROM station_job AS j
        WHERE j.station_id = step.station_id AND j.kind = step.kind AND j.finished_at IS NULL
          AND (step.request_id IS NULL OR j.id = step.request_id)
        ORDER BY j.id DESC LIMIT 1 FOR UPDATE;
        CONTINUE WHEN NOT FOUND;
        IF step.part IS NULL AND (job.told_at IS NULL OR step.at > job.told_at)
           OR step.part IS NOT NULL AND NOT step.part = ANY (job.parts) THEN
            job.detail := left(job.detail || step.detail, 1000000);
        END IF;
        job.told_at := greatest(job.told_at, step.at);
        job.updated_at := greatest(job.updated_at, step.at);
        IF step.status <> '' THEN
            job.status := step.status;
        END IF;
        IF step.state IS NOT NULL THEN
            job.state := step.state;
        ELSIF job.state = 'REQUESTED' THEN
            job.state := 'RUNNING';
        END IF;
        IF step.part IS NOT NULL THEN
            IF NOT step.part = ANY (job.parts) THEN
                job.parts := job.parts || step.part;
            END IF;
            IF step.is_last THEN
                job.last_part := step.part;
            END IF;
            IF step.state IS NULL AND job.last_part IS NOT NULL AND job.last_part + 1 =
               (SELECT count(*) FROM unnest(job.parts) AS p WHERE p BETWEEN 0 AND job.last_part) THEN
                job.state := 'SUCCEEDED';
            END IF;
        END IF;
        IF job.state IN ('SUCCEEDED', 'FAILED', 'CANCELED') THEN
            job.finished_at := step.at;
        END IF;
        UPDATE station_job AS j SET
            state = job.state, status = job.status, detail = job.detail, parts = job.parts, last_part = job.last_part,
            told_at = job.told_at, updated_at = job.updated_at, finished_at = job.finished_at
        WHERE j.id = job.id;
    END LOOP;
END $$;
