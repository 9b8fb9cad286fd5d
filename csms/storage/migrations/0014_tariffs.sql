-- Tariffs with their versions, where they hold, what sessions cost, and monthly reports.

CREATE TABLE tariff (
    id           bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    display_name text NOT NULL,
    description  text NOT NULL DEFAULT '',
    retired      boolean NOT NULL DEFAULT false,
    version      integer NOT NULL DEFAULT 1,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX tariff_name ON tariff (lower(display_name)) WHERE NOT retired;

-- Prices as they were: a version is never changed. Of several that began, the one with the latest beginning counts.
CREATE TABLE tariff_version (
    id         bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    tariff_id  bigint NOT NULL REFERENCES tariff ON DELETE CASCADE,
    number     integer NOT NULL,
    valid_from timestamptz NOT NULL,
    terms      jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tariff_id, number)
);
COMMENT ON COLUMN tariff_version.terms IS 'csms.domain.tariff.Tariff';

-- Where (or for whom) a tariff holds: `places/2`, `stations/17`, `stations/17/evses/2`, `tagGroups/FLEET`, `users/3`.
-- What held once stays, so that a session of then is priced as then.
CREATE TABLE tariff_assignment (
    id         bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    target     text COLLATE "C" NOT NULL,
    tariff_id  bigint NOT NULL REFERENCES tariff ON DELETE RESTRICT,
    valid_from timestamptz NOT NULL,
    valid_to   timestamptz
);
CREATE UNIQUE INDEX tariff_assignment_now ON tariff_assignment (target) WHERE valid_to IS NULL;
CREATE INDEX tariff_assignment_of_target ON tariff_assignment (target, valid_from);
CREATE INDEX tariff_assignment_of_tariff ON tariff_assignment (tariff_id);

-- What an ended session costs, as computed last. No tariff_version_id: no tariff held, and the currency is empty.
CREATE TABLE session_cost (
    session_id        bigint PRIMARY KEY REFERENCES session ON DELETE CASCADE,
    revision          integer NOT NULL,
    tariff_version_id bigint REFERENCES tariff_version ON DELETE RESTRICT,
    currency          text NOT NULL,
    total_excl        numeric NOT NULL,
    vat               numeric NOT NULL,
    total_incl        numeric NOT NULL,
    vat_percent       numeric NOT NULL,
    lines             jsonb NOT NULL,
    basis             text NOT NULL,
    reason            text NOT NULL,
    computed_at       timestamptz NOT NULL
);
CREATE INDEX session_cost_of_version ON session_cost (tariff_version_id) WHERE tariff_version_id IS NOT NULL;
COMMENT ON COLUMN session_cost.basis IS 'digest of the consumption that was priced: another one makes a new revision';
COMMENT ON COLUMN session_cost.reason IS 'why it was computed again; empty the first time';

-- Revisions before the last one.
CREATE TABLE session_cost_earlier (LIKE session_cost, PRIMARY KEY (session_id, revision));
ALTER TABLE session_cost_earlier
    ADD FOREIGN KEY (session_id) REFERENCES session ON DELETE CASCADE,
    ADD FOREIGN KEY (tariff_version_id) REFERENCES tariff_version ON DELETE RESTRICT;
CREATE INDEX session_cost_earlier_of_version ON session_cost_earlier (tariff_version_id)
    WHERE tariff_version_id IS NOT NULL;

-- Sessions whose cost is to be computed. Whoever changes an ended session puts it in by the trigger, in the same
-- transaction; rows are only added and removed, so nobody waits for anybody.
CREATE TABLE session_cost_due (
    id         bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    session_id bigint NOT NULL
);

CREATE FUNCTION session_cost_is_due() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO session_cost_due (session_id) VALUES (NEW.id);
    RETURN NULL;
END
$$;
-- Those that ended before there were tariffs get their row, too.
INSERT INTO session_cost_due (session_id) SELECT id FROM session WHERE state = 'ENDED' ORDER BY id;
CREATE TRIGGER session_cost_of_new AFTER INSERT ON session FOR EACH ROW WHEN (NEW.state = 'ENDED')
    EXECUTE FUNCTION session_cost_is_due();
CREATE TRIGGER session_cost_of_changed AFTER UPDATE ON session FOR EACH ROW
    WHEN (NEW.state = 'ENDED' AND (
        OLD.state <> 'ENDED'
        OR OLD.charged_wh IS DISTINCT FROM NEW.charged_wh
        OR OLD.meter_value_count IS DISTINCT FROM NEW.meter_value_count
        OR OLD.began_at IS DISTINCT FROM NEW.began_at
        OR OLD.ended_at IS DISTINCT FROM NEW.ended_at
        OR OLD.plugged_out_at IS DISTINCT FROM NEW.plugged_out_at))
    EXECUTE FUNCTION session_cost_is_due();

-- Who writes the invoices: one row. `next_number` counts reports without gaps.
CREATE TABLE seller (
    id            integer PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    name          text NOT NULL DEFAULT '',
    address       text NOT NULL DEFAULT '',
    email         text NOT NULL DEFAULT '',
    vat_number    text NOT NULL DEFAULT '',
    registration  text NOT NULL DEFAULT '',
    footer        text NOT NULL DEFAULT '',
    number_prefix text NOT NULL DEFAULT '',
    next_number   bigint NOT NULL DEFAULT 1,
    version       integer NOT NULL DEFAULT 1
);
INSERT INTO seller DEFAULT VALUES;

-- Reports as they were made: `content` is all that is printed, and never changes.
CREATE TABLE cost_report (
    id           bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    number       text NOT NULL UNIQUE,
    subject      text COLLATE "C" NOT NULL,
    user_id      bigint REFERENCES app_user ON DELETE SET NULL,
    subject_name text NOT NULL,
    month        date NOT NULL,
    content      jsonb NOT NULL,
    created_at   timestamptz NOT NULL,
    replaced_by  bigint REFERENCES cost_report
);
CREATE UNIQUE INDEX cost_report_once ON cost_report (subject, month) WHERE replaced_by IS NULL;
CREATE INDEX cost_report_of_user ON cost_report (user_id, id DESC) WHERE user_id IS NOT NULL;
CREATE INDEX cost_report_of_month ON cost_report (month, id DESC);

CREATE TABLE report_subscription (
    subject    text COLLATE "C" PRIMARY KEY,
    user_id    bigint REFERENCES app_user ON DELETE CASCADE,
    active     boolean NOT NULL,
    recipients text[] NOT NULL,
    language   text NOT NULL,
    time_zone  text NOT NULL,
    since      date NOT NULL,
    version    integer NOT NULL DEFAULT 1
);
COMMENT ON COLUMN report_subscription.recipients IS 'e-mail addresses; none: the user''s own';
COMMENT ON COLUMN report_subscription.since IS 'the first month that is reported';

-- What was handed to the mail queue: in one transaction with the mail, so exactly once.
CREATE TABLE report_dispatch (
    subject   text COLLATE "C" NOT NULL,
    month     date NOT NULL,
    report_id bigint REFERENCES cost_report,
    at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (subject, month)
);
COMMENT ON COLUMN report_dispatch.report_id IS 'null: nothing was charged in that month, and nothing was sent';
