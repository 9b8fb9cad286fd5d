-- Which rules for deviating stations are switched on, by patterns of vendor, model and firmware (* and ?, case does not
-- matter; an empty one fits all).

CREATE TABLE tolerance_rule_set (
    id         bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    title      text COLLATE "C" NOT NULL UNIQUE,
    vendor     text NOT NULL DEFAULT '',
    model      text NOT NULL DEFAULT '',
    firmware   text NOT NULL DEFAULT '',
    rules      text[] NOT NULL,
    time_zone  text NOT NULL DEFAULT '',
    enabled    boolean NOT NULL DEFAULT true,
    note       text NOT NULL DEFAULT '',
    version    integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- Lose nothing that a station means; switched off, because strictness is what finds faults in stations.
INSERT INTO tolerance_rule_set (title, rules, enabled, note) VALUES (
    'Harmless deviations of any station',
    '{single-things,nulls,empty-texts,numbers-as-texts,texts-as-numbers,words,missing-error-code,padded-tags}', false,
    'Comes with the server. Nothing that a station means is lost by these rules.');
