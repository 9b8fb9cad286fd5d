-- Certificates that were signed for stations. What is revoked stays, so that it goes on being refused.

CREATE TABLE issued_certificate (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    station_id        bigint REFERENCES station (id) ON DELETE SET NULL,
    station_identity  text NOT NULL,
    certificate_use   text NOT NULL,
    chain             text NOT NULL,
    serial            text NOT NULL,
    subject           text NOT NULL,
    issuer            text NOT NULL,
    not_before        timestamptz NOT NULL,
    not_after         timestamptz NOT NULL,
    issued_at         timestamptz NOT NULL,
    delivery          text NOT NULL CHECK (delivery IN ('PENDING', 'ACCEPTED', 'REJECTED', 'SUPERSEDED')),
    attempts          integer NOT NULL DEFAULT 0,
    request_id        bigint,
    typed             boolean NOT NULL,
    revoked_at        timestamptz,
    revocation_reason text NOT NULL DEFAULT '',
    UNIQUE (issuer, serial)
);
CREATE INDEX issued_certificate_station ON issued_certificate (station_id, id DESC);
CREATE INDEX issued_certificate_revoked ON issued_certificate (revoked_at) WHERE revoked_at IS NOT NULL;
