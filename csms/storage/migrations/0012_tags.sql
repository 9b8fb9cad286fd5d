-- Tags in depth, outlets, who may charge where without a tag, and how much a user or a group may charge in a month.

-- The stations and places are not foreign keys: a tag whose only station was removed is valid nowhere, not everywhere.
-- Ids never come again.
ALTER TABLE id_token
    ADD COLUMN kind              text NOT NULL DEFAULT 'PHYSICAL' CHECK (kind IN ('PHYSICAL', 'VIRTUAL')),
    ADD COLUMN type              text NOT NULL DEFAULT 'OTHER' CHECK (type IN ('OTHER', 'PRIVATE', 'BUSINESS')),
    ADD COLUMN valid_from        timestamptz,
    ADD COLUMN valid_station_ids bigint[] NOT NULL DEFAULT '{}',
    ADD COLUMN valid_place_ids   bigint[] NOT NULL DEFAULT '{}',
    ADD COLUMN blocked_by_user   boolean NOT NULL DEFAULT false,
    ADD COLUMN spellings         text[] COLLATE "C";
CREATE INDEX id_token_spellings ON id_token USING gin (spellings);
CREATE INDEX id_token_parent ON id_token (parent_id_token) WHERE parent_id_token IS NOT NULL;
COMMENT ON COLUMN id_token.valid_station_ids IS 'with valid_place_ids: where alone it is valid; both empty: everywhere';
COMMENT ON COLUMN id_token.blocked_by_user IS 'its user blocked it, and may unblock it';

-- What operators decide of tags: one row.
CREATE TABLE tag_policy (
    id                  integer PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    users_register_tags boolean NOT NULL DEFAULT false
);
INSERT INTO tag_policy DEFAULT VALUES;

ALTER TABLE station ADD COLUMN free_vend boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN station.free_vend IS 'anyone may charge, at all of its outlets';

-- What people know of a connector. A row comes when it is first asked for.
CREATE TABLE outlet (
    id             bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    station_id     bigint NOT NULL REFERENCES station ON DELETE CASCADE,
    evse_id        integer NOT NULL CHECK (evse_id > 0),
    connector_id   integer NOT NULL CHECK (connector_id >= 0),
    uuid           uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    outlet_id      text NOT NULL DEFAULT '',
    connector_type text NOT NULL DEFAULT '',
    parking        text NOT NULL DEFAULT '',
    mode           text NOT NULL DEFAULT 'RFID' CHECK (mode IN ('OPEN', 'RFID')),
    version        integer NOT NULL DEFAULT 1,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    UNIQUE (station_id, evse_id, connector_id)
);
CREATE UNIQUE INDEX outlet_outlet_id ON outlet (lower(outlet_id)) WHERE outlet_id <> '';
CREATE INDEX outlet_open ON outlet (station_id) WHERE mode = 'OPEN';
COMMENT ON COLUMN outlet.outlet_id IS 'the operator''s own';

CREATE TABLE outlet_external_id (
    outlet_id   bigint NOT NULL REFERENCES outlet ON DELETE CASCADE,
    service     text COLLATE "C" NOT NULL,
    external_id text COLLATE "C" NOT NULL,
    PRIMARY KEY (outlet_id, service),
    UNIQUE (service, external_id)
);

-- Per calendar month. `target` is `users/3`, or `tagGroups/FLEET`: the tags with this parent.
CREATE TABLE user_limit (
    target     text COLLATE "C" PRIMARY KEY,
    energy_wh  double precision CHECK (energy_wh >= 0),
    amount     numeric CHECK (amount >= 0),
    currency   text NOT NULL DEFAULT '',
    version    integer NOT NULL DEFAULT 1,
    updated_at timestamptz NOT NULL DEFAULT now(),
    CHECK ((amount IS NULL) = (currency = ''))
);
COMMENT ON COLUMN user_limit.amount IS 'with VAT, in this currency; what sessions cost in others does not count';
