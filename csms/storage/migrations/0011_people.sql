-- People: what is known of users, links that set passwords, second factors, mails that wait, and who changed what.

ALTER TABLE app_user
    ADD COLUMN first_name      text NOT NULL DEFAULT '',
    ADD COLUMN last_name       text NOT NULL DEFAULT '',
    ADD COLUMN language        text NOT NULL DEFAULT 'en',
    ADD COLUMN time_zone       text NOT NULL DEFAULT '',
    ADD COLUMN mobile          text NOT NULL DEFAULT '',
    ADD COLUMN employee_number text NOT NULL DEFAULT '',
    ADD COLUMN customer_number text NOT NULL DEFAULT '',
    ADD COLUMN alarm_mails     boolean NOT NULL DEFAULT false,
    ADD COLUMN blocked         boolean NOT NULL DEFAULT false,
    ADD COLUMN totp_secret     text NOT NULL DEFAULT '',
    ADD COLUMN totp_offered    text NOT NULL DEFAULT '',
    ADD COLUMN totp_step       bigint NOT NULL DEFAULT 0,
    ADD COLUMN oidc_subject    text NOT NULL DEFAULT '',
    ADD COLUMN preferences     text NOT NULL DEFAULT '',
    ADD COLUMN last_sign_in_at timestamptz,
    ADD COLUMN version         integer NOT NULL DEFAULT 1;
UPDATE app_user SET first_name = display_name;
CREATE UNIQUE INDEX app_user_oidc_subject ON app_user (oidc_subject) WHERE oidc_subject <> '';
COMMENT ON COLUMN app_user.password_hash IS 'empty: invited, or signs in elsewhere';
COMMENT ON COLUMN app_user.totp_offered IS 'a second factor that was shown and not yet confirmed';
COMMENT ON COLUMN app_user.totp_step IS 'the last 30 seconds whose code was used; none counts twice';
COMMENT ON COLUMN app_user.preferences IS 'JSON';

ALTER TABLE sign_in
    ADD COLUMN id      bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    ADD COLUMN address text NOT NULL DEFAULT '',
    ADD COLUMN client  text NOT NULL DEFAULT '';

-- Null: not narrowed.
ALTER TABLE api_key
    ADD COLUMN actions  text[],
    ADD COLUMN site_ids bigint[];

-- Links that set a password; only the SHA-256 of each is kept. The newest of a user is the only one.
CREATE TABLE user_ticket (
    user_id    bigint PRIMARY KEY REFERENCES app_user ON DELETE CASCADE,
    digest     bytea NOT NULL UNIQUE,
    kind       text NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE TABLE recovery_code (
    user_id bigint NOT NULL REFERENCES app_user ON DELETE CASCADE,
    digest  bytea NOT NULL,
    PRIMARY KEY (user_id, digest)
);

-- Sign-ins that went to the identity provider and have not come back.
CREATE TABLE single_sign_on_attempt (
    state_digest bytea PRIMARY KEY,
    nonce        text NOT NULL,
    verifier     text NOT NULL,
    expires_at   timestamptz NOT NULL
);
CREATE INDEX single_sign_on_attempt_age ON single_sign_on_attempt (expires_at);

-- Mails that wait. Those with links are written when they are sent: no link lies here.
CREATE TABLE mail_queue (
    id              bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    kind            text NOT NULL,
    recipient       text NOT NULL,
    subject         text NOT NULL DEFAULT '',
    body            text NOT NULL DEFAULT '',
    html            text NOT NULL DEFAULT '',
    created_at      timestamptz NOT NULL DEFAULT now(),
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    attempts        integer NOT NULL DEFAULT 0,
    last_error      text NOT NULL DEFAULT ''
);
CREATE INDEX mail_queue_due ON mail_queue (next_attempt_at);

CREATE TABLE audit_entry (
    id            bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    at            timestamptz NOT NULL,
    actor         text NOT NULL,
    actor_name    text NOT NULL,
    method        text NOT NULL,
    resource      text NOT NULL,
    outcome       text NOT NULL,
    request_id    text NOT NULL,
    peer          text NOT NULL,
    forwarded_for text NOT NULL,
    request       text NOT NULL,
    before        text NOT NULL,
    after         text NOT NULL
);
CREATE INDEX audit_entry_of_actor ON audit_entry (actor, id DESC);
CREATE INDEX audit_entry_of_resource ON audit_entry (resource, id DESC);
CREATE INDEX audit_entry_age ON audit_entry (at);
