-- What a station has proven about itself, passwords under way to it, and failed attempts to be it.

ALTER TABLE station
    ADD COLUMN next_password_hashes        text[] NOT NULL DEFAULT '{}',
    ADD COLUMN security_profile            smallint NOT NULL DEFAULT 0 CHECK (security_profile BETWEEN 0 AND 3),
    ADD COLUMN failed_attempts             bigint NOT NULL DEFAULT 0,
    ADD COLUMN last_failed_attempt_at      timestamptz,
    ADD COLUMN last_failed_attempt_reason  text NOT NULL DEFAULT '',
    ADD COLUMN last_failed_attempt_address text NOT NULL DEFAULT '';
COMMENT ON COLUMN station.next_password_hashes IS 'sent to the station; each is valid until it has signed in with one';
COMMENT ON COLUMN station.security_profile IS 'the highest proven; the station may not come with less';
