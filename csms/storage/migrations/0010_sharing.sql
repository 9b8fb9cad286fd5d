-- Whose stations are, with whom they are shared, in which groups they are; and the sites of site administrators.

CREATE TABLE user_site (
    user_id  bigint NOT NULL REFERENCES app_user ON DELETE CASCADE,
    place_id bigint NOT NULL REFERENCES place ON DELETE CASCADE,
    PRIMARY KEY (user_id, place_id)
);
CREATE INDEX user_site_place ON user_site (place_id);

ALTER TABLE station ADD COLUMN owner_id bigint REFERENCES app_user (id) ON DELETE SET NULL;
CREATE INDEX station_owner ON station (owner_id) WHERE owner_id IS NOT NULL;

CREATE TABLE station_share (
    station_id bigint NOT NULL REFERENCES station ON DELETE CASCADE,
    user_id    bigint NOT NULL REFERENCES app_user ON DELETE CASCADE,
    level      text NOT NULL CHECK (level IN ('view', 'operate', 'manage')),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (station_id, user_id)
);
CREATE INDEX station_share_user ON station_share (user_id);

CREATE TABLE station_group (
    id           bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    owner_id     bigint NOT NULL REFERENCES app_user ON DELETE CASCADE,
    display_name text NOT NULL,
    description  text NOT NULL DEFAULT '',
    version      integer NOT NULL DEFAULT 1,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX station_group_name ON station_group (owner_id, lower(display_name));

CREATE TABLE station_group_member (
    group_id   bigint NOT NULL REFERENCES station_group ON DELETE CASCADE,
    station_id bigint NOT NULL REFERENCES station ON DELETE CASCADE,
    PRIMARY KEY (group_id, station_id)
);
CREATE INDEX station_group_member_station ON station_group_member (station_id);

-- Where the station stood when the session became known: it stays when the station moves.
ALTER TABLE session ADD COLUMN place_id bigint NOT NULL DEFAULT 1;
UPDATE session SET place_id = station.place_id FROM station WHERE station.id = session.station_id AND station.place_id <> 1;
CREATE INDEX session_of_place ON session (place_id, (coalesce(started_at, logged_at)) DESC, id DESC);
-- Whose tag it is, and whose it was when the session began: a tag may go to somebody else.
ALTER TABLE id_token ADD COLUMN user_id bigint REFERENCES app_user (id) ON DELETE SET NULL;
CREATE INDEX id_token_user ON id_token (user_id) WHERE user_id IS NOT NULL;
ALTER TABLE session ADD COLUMN user_id bigint REFERENCES app_user (id) ON DELETE SET NULL;
CREATE INDEX session_of_user ON session (user_id, (coalesce(started_at, logged_at)) DESC, id DESC)
    WHERE user_id IS NOT NULL;
COMMENT ON COLUMN session.place_id IS 'of the station when the session became known; when the place goes, the one above it';
