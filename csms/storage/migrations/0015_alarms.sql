-- Alarms, what the event log has beside what stations told, webhooks, news and notifications.

-- One row per alarm. `key` names within the station (or place) what it is about, to the letter; an alarm that comes back
-- soon after it was cleared is the same row, counted.
CREATE TABLE alarm (
    id              bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    station_id      bigint REFERENCES station ON DELETE CASCADE,
    place_id        bigint REFERENCES place ON DELETE CASCADE,
    key             text COLLATE "C" NOT NULL,
    kind            text NOT NULL,
    severity        smallint NOT NULL,
    evse_id         integer,
    source          text NOT NULL,
    code            text NOT NULL,
    text            text NOT NULL,
    active          boolean NOT NULL,
    count           integer NOT NULL,
    first_raised_at timestamptz NOT NULL,
    last_raised_at  timestamptz NOT NULL,
    cleared_at      timestamptz,
    clearing        text NOT NULL DEFAULT '',
    cleared_by      text NOT NULL DEFAULT '',
    folded_into     bigint REFERENCES alarm ON DELETE SET NULL,
    acknowledged_at timestamptz,
    acknowledged_by text NOT NULL DEFAULT '',
    note            text NOT NULL DEFAULT '',
    updated_at      timestamptz NOT NULL DEFAULT now(),
    CHECK ((station_id IS NULL) <> (place_id IS NULL)),
    CHECK (active = (cleared_at IS NULL))
);
COMMENT ON COLUMN alarm.severity IS '1 critical, 2 major, 3 minor';
COMMENT ON COLUMN alarm.place_id IS 'of an alarm of a site, or (1) of the system; stations'' alarms have none';
COMMENT ON COLUMN alarm.cleared_at IS 'when it was over, which may be before we noticed';
CREATE UNIQUE INDEX alarm_one_active ON alarm (coalesce(station_id, 0), coalesce(place_id, 0), key) WHERE active;
CREATE INDEX alarm_of_key ON alarm (coalesce(station_id, 0), coalesce(place_id, 0), key, id DESC);
CREATE INDEX alarm_active ON alarm (last_raised_at DESC, id DESC) WHERE active;
CREATE INDEX alarm_newest ON alarm (last_raised_at DESC, id DESC);
CREATE INDEX alarm_of_station ON alarm (station_id, last_raised_at DESC, id DESC);

-- What was told and not yet weighed: it waits here from the commit in which it was told, so nothing is lost when we die.
CREATE TABLE alarm_inbox (
    id         bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    station_id bigint NOT NULL REFERENCES station ON DELETE CASCADE,
    source     text NOT NULL,
    at         timestamptz NOT NULL,
    evse_id    integer,
    severity   smallint,
    body       jsonb NOT NULL
);

-- A status is of interest when it tells a fault, or when the one before did.
CREATE FUNCTION tell_alarm_of_status() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO alarm_inbox (station_id, source, at, evse_id, body)
    VALUES (NEW.station_id, 'STATUS', NEW.received_at, NEW.evse_id, jsonb_build_object(
        'connector', NEW.connector_id, 'status', NEW.status, 'error', NEW.error_code, 'info', NEW.info,
        'vendor', NEW.vendor_id, 'code', NEW.vendor_error_code));
    RETURN NULL;
END $$;
CREATE TRIGGER connector_first_fault AFTER INSERT ON connector FOR EACH ROW
    WHEN (NEW.status = 'Faulted' OR NEW.error_code NOT IN ('', 'NoError') OR NEW.vendor_error_code <> '')
    EXECUTE FUNCTION tell_alarm_of_status();
CREATE TRIGGER connector_fault AFTER UPDATE ON connector FOR EACH ROW
    WHEN ((NEW.status = 'Faulted' OR NEW.error_code NOT IN ('', 'NoError') OR NEW.vendor_error_code <> ''
           OR OLD.status = 'Faulted' OR OLD.error_code NOT IN ('', 'NoError') OR OLD.vendor_error_code <> '')
          AND (NEW.status, NEW.error_code, NEW.vendor_error_code, NEW.info)
              IS DISTINCT FROM (OLD.status, OLD.error_code, OLD.vendor_error_code, OLD.info))
    EXECUTE FUNCTION tell_alarm_of_status();

CREATE FUNCTION tell_alarm_of_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO alarm_inbox (station_id, source, at, evse_id, severity, body)
    VALUES (NEW.station_id, CASE NEW.kind WHEN 'NotifyEvent' THEN 'MONITOR' ELSE 'SECURITY' END, NEW.received_at,
            NEW.evse_id, NEW.severity, NEW.body || jsonb_build_object('summary', NEW.summary));
    RETURN NULL;
END $$;
CREATE TRIGGER station_event_alarm AFTER INSERT ON station_event FOR EACH ROW
    WHEN (NEW.kind IN ('NotifyEvent', 'SecurityEventNotification'))
    EXECUTE FUNCTION tell_alarm_of_event();

-- How codes of vendors are read; what is built in stands in csms.domain.alarm_rules.
CREATE TABLE alarm_rule (
    id         bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    source     text NOT NULL,
    vendor     text NOT NULL,
    model      text NOT NULL,
    code       text NOT NULL,
    kind       text NOT NULL,
    severity   smallint NOT NULL,
    text       text NOT NULL,
    version    integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX alarm_rule_once ON alarm_rule (source, lower(vendor), lower(model), lower(code));
COMMENT ON COLUMN alarm_rule.kind IS 'empty: no alarm';

CREATE TABLE alarm_setting (
    one     boolean PRIMARY KEY DEFAULT true CHECK (one),
    body    jsonb NOT NULL DEFAULT '{}',
    version integer NOT NULL DEFAULT 1
);
INSERT INTO alarm_setting DEFAULT VALUES;

-- Who gets the daily mail is in app_user.alarm_mails. `last_day`: the day, in the user's zone, whose mail is through.
CREATE TABLE alarm_digest (
    user_id  bigint PRIMARY KEY REFERENCES app_user ON DELETE CASCADE,
    hour     smallint NOT NULL DEFAULT 7 CHECK (hour BETWEEN 0 AND 23),
    last_day date
);

-- What is worth a line in the event log and was not told by a station: alarms, links, operations, the system itself.
CREATE TABLE system_event (
    id         bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    at         timestamptz NOT NULL,
    source     text NOT NULL,
    kind       text NOT NULL,
    summary    text NOT NULL,
    station_id bigint REFERENCES station ON DELETE CASCADE,
    place_id   bigint REFERENCES place ON DELETE SET NULL,
    evse_id    integer,
    severity   smallint,
    body       jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX system_event_newest ON system_event (at DESC, id DESC);
CREATE INDEX system_event_of_station ON system_event (station_id, at DESC, id DESC) WHERE station_id IS NOT NULL;
CREATE INDEX station_event_log ON station_event (received_at DESC, id DESC);
DROP INDEX station_event_received;

CREATE FUNCTION log_station_link() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO system_event (at, source, kind, summary, station_id)
    VALUES (now(), 'STATION', CASE WHEN NEW.online THEN 'Connected' ELSE 'Disconnected' END,
            CASE WHEN NEW.online THEN 'The station connected.' ELSE 'The station disconnected.' END, NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER station_link AFTER UPDATE OF online ON station FOR EACH ROW
    WHEN (NEW.online IS DISTINCT FROM OLD.online)
    EXECUTE FUNCTION log_station_link();

CREATE TABLE webhook (
    id           bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    display_name text NOT NULL,
    url          text NOT NULL,
    secret       text NOT NULL,
    kinds        text[] NOT NULL,
    place_id     bigint REFERENCES place ON DELETE CASCADE,
    enabled      boolean NOT NULL DEFAULT true,
    version      integer NOT NULL DEFAULT 1,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN webhook.kinds IS 'of alarms; none: all';

CREATE TABLE webhook_delivery (
    id              bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    webhook_id      bigint NOT NULL REFERENCES webhook ON DELETE CASCADE,
    event           text NOT NULL,
    alarm_id        bigint REFERENCES alarm ON DELETE SET NULL,
    body            text NOT NULL,
    state           text NOT NULL CHECK (state IN ('WAITING', 'DELIVERED', 'FAILED')),
    created_at      timestamptz NOT NULL,
    next_attempt_at timestamptz NOT NULL,
    attempts        integer NOT NULL DEFAULT 0,
    status_code     integer,
    error           text NOT NULL DEFAULT '',
    finished_at     timestamptz
);
CREATE INDEX webhook_delivery_due ON webhook_delivery (next_attempt_at) WHERE state = 'WAITING';
CREATE INDEX webhook_delivery_newest ON webhook_delivery (webhook_id, id DESC);
CREATE INDEX webhook_delivery_finished ON webhook_delivery (finished_at) WHERE finished_at IS NOT NULL;

-- Messages of the operator. No roles and no places: for everybody.
CREATE TABLE news (
    id          bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    title       text NOT NULL,
    text        text NOT NULL,
    priority    text NOT NULL,
    roles       text[] NOT NULL,
    place_ids   bigint[] NOT NULL,
    valid_from  timestamptz NOT NULL,
    valid_until timestamptz,
    created_by  text NOT NULL,
    version     integer NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX news_newest ON news (valid_from DESC, id DESC);

CREATE TABLE notification (
    id         bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    user_id    bigint NOT NULL REFERENCES app_user ON DELETE CASCADE,
    kind       text NOT NULL,
    body       jsonb NOT NULL,
    target     text NOT NULL,
    created_at timestamptz NOT NULL,
    read_at    timestamptz
);
CREATE INDEX notification_newest ON notification (user_id, id DESC);
CREATE INDEX notification_unread ON notification (user_id) WHERE read_at IS NULL;
CREATE INDEX notification_age ON notification (created_at);

CREATE TABLE notification_setting (
    user_id bigint NOT NULL REFERENCES app_user ON DELETE CASCADE,
    kind    text NOT NULL,
    wanted  boolean NOT NULL,
    PRIMARY KEY (user_id, kind)
);
