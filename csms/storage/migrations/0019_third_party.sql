-- Third-party services: what is on and how it goes; and OCPI 2.2.1 (roaming): parties, their tokens, what we publish
-- to them, and what waits to be sent.

CREATE TABLE external_service (
    key             text PRIMARY KEY,
    kind            text NOT NULL CHECK (kind IN ('location-data', 'roaming')),
    enabled         boolean NOT NULL DEFAULT false,
    settings        jsonb NOT NULL DEFAULT '{}',
    last_error      text NOT NULL DEFAULT '',
    last_error_at   timestamptz,
    last_success_at timestamptz,
    version         integer NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now()
);
INSERT INTO external_service (key, kind) VALUES ('location-data', 'location-data'), ('roaming', 'roaming');

CREATE TABLE roaming_party (
    id              bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    display_name    text NOT NULL,
    state           text NOT NULL CHECK (state IN ('INVITED', 'REGISTERED', 'SUSPENDED')),
    country_code    text NOT NULL DEFAULT '',
    party_code      text NOT NULL DEFAULT '',
    business_name   text NOT NULL DEFAULT '',
    roles           jsonb NOT NULL DEFAULT '[]',
    versions_url    text NOT NULL DEFAULT '',
    token_digest    bytea NOT NULL UNIQUE,
    token_to_send   text NOT NULL DEFAULT '',
    endpoints       jsonb NOT NULL DEFAULT '[]',
    registered_at   timestamptz,
    tokens_read_at  timestamptz,
    last_error      text NOT NULL DEFAULT '',
    last_error_at   timestamptz,
    last_success_at timestamptz,
    version         integer NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX roaming_party_code ON roaming_party (country_code, party_code) WHERE party_code <> '';
COMMENT ON COLUMN roaming_party.token_digest IS 'SHA-256 of what they show us';
COMMENT ON COLUMN roaming_party.token_to_send IS 'what we show them';

CREATE TABLE roaming_token (
    party_id     bigint NOT NULL REFERENCES roaming_party ON DELETE CASCADE,
    country_code text NOT NULL,
    party_code   text NOT NULL,
    uid          text COLLATE "C" NOT NULL,
    type         text NOT NULL,
    id_token     text COLLATE "C" NOT NULL,
    contract_id  text NOT NULL,
    valid        boolean NOT NULL,
    whitelist    text NOT NULL,
    body         text NOT NULL,
    last_updated timestamptz NOT NULL,
    received_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (party_id, country_code, party_code, uid, type)
);
CREATE INDEX roaming_token_tag ON roaming_token (id_token);
COMMENT ON COLUMN roaming_token.id_token IS 'the uid in the spelling of our tags';

-- A site as others see it, beside what the place itself knows.
CREATE TABLE roaming_location (
    place_id    bigint PRIMARY KEY REFERENCES place ON DELETE CASCADE,
    published   boolean NOT NULL DEFAULT false,
    street      text NOT NULL DEFAULT '',
    city        text NOT NULL DEFAULT '',
    postal_code text NOT NULL DEFAULT '',
    country     text NOT NULL DEFAULT '',
    updated_at  timestamptz NOT NULL DEFAULT now()
);

-- Every object as it was last published. Lists are read from here; what differs from here is pushed.
CREATE TABLE roaming_object (
    module       text NOT NULL CHECK (module IN ('locations', 'sessions', 'cdrs', 'tariffs')),
    key          text COLLATE "C" NOT NULL,
    party_id     bigint,
    session_id   bigint,
    body         text NOT NULL,
    basis        text NOT NULL DEFAULT '',
    withdrawn    boolean NOT NULL DEFAULT false,
    last_updated timestamptz NOT NULL,
    PRIMARY KEY (module, key)
);
CREATE INDEX roaming_object_page ON roaming_object (module, last_updated, key);
CREATE INDEX roaming_object_of_session ON roaming_object (session_id, last_updated) WHERE session_id IS NOT NULL;
COMMENT ON COLUMN roaming_object.party_id IS 'who alone may see it; null: everybody. Stays when the party goes';
COMMENT ON COLUMN roaming_object.basis IS 'digest of what it was made of';

-- A party that asked for a start, until the session that comes of it is known.
CREATE TABLE roaming_start (
    id                      bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    party_id                bigint NOT NULL REFERENCES roaming_party ON DELETE CASCADE,
    id_token                text NOT NULL,
    station_id              bigint NOT NULL,
    authorization_reference text NOT NULL,
    method                  text NOT NULL,
    at                      timestamptz NOT NULL
);
CREATE INDEX roaming_start_of_token ON roaming_start (id_token, at DESC);

CREATE TABLE roaming_reservation (
    party_id       bigint NOT NULL REFERENCES roaming_party ON DELETE CASCADE,
    reference      text NOT NULL,
    reservation_id bigint NOT NULL,
    PRIMARY KEY (party_id, reference)
);

-- What waits to be sent. Of one object to one party only the oldest is due.
CREATE TABLE roaming_push (
    id          bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    party_id    bigint NOT NULL REFERENCES roaming_party ON DELETE CASCADE,
    module      text NOT NULL,
    key         text NOT NULL,
    method      text NOT NULL CHECK (method IN ('PUT', 'PATCH', 'POST', 'DELETE')),
    path        text NOT NULL,
    body        text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    attempts    integer NOT NULL DEFAULT 0,
    next_try_at timestamptz NOT NULL DEFAULT now(),
    last_error  text NOT NULL DEFAULT '',
    given_up_at timestamptz
);
CREATE INDEX roaming_push_waiting ON roaming_push (party_id, id) WHERE given_up_at IS NULL;
COMMENT ON COLUMN roaming_push.path IS 'below the party''s endpoint of the module; a whole address for results of commands';
