-- What operators say of the installation as a whole: one row, which is there from the start.

CREATE TABLE system_settings (
    singleton     boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    title         text NOT NULL DEFAULT 'Chargehouse',
    description   text NOT NULL DEFAULT '',
    organization  text NOT NULL DEFAULT '',
    support_email text NOT NULL DEFAULT '',
    support_phone text NOT NULL DEFAULT '',
    imprint       text NOT NULL DEFAULT '',
    privacy       text NOT NULL DEFAULT '',
    language      text NOT NULL DEFAULT 'en',
    time_zone     text NOT NULL DEFAULT 'UTC',
    version       integer NOT NULL DEFAULT 1,
    updated_at    timestamptz
);
INSERT INTO system_settings DEFAULT VALUES;
