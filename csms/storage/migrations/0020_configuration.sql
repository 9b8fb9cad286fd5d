-- What stations are to be set to, beside what they told (station_variable); templates by vendor and model.

CREATE TABLE configuration_template (
    id           bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    display_name text NOT NULL,
    vendor       text NOT NULL DEFAULT '',
    model        text NOT NULL DEFAULT '',
    firmware     text NOT NULL DEFAULT '',
    family       text NOT NULL DEFAULT '' CHECK (family IN ('', '1.6', '2')),
    priority     integer NOT NULL DEFAULT 0,
    enabled      boolean NOT NULL DEFAULT true,
    variables    jsonb NOT NULL DEFAULT '[]',
    version      integer NOT NULL DEFAULT 1,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX configuration_template_once ON configuration_template (lower(display_name));
COMMENT ON COLUMN configuration_template.vendor IS 'a pattern with *; empty: any; model and firmware too';
COMMENT ON COLUMN configuration_template.variables IS '[[name, value], …]';

-- `set_at` names the wish: an answer to an older one must not be taken for the newer one's.
CREATE TABLE desired_variable (
    station_id         bigint NOT NULL REFERENCES station ON DELETE CASCADE,
    component          text COLLATE "C" NOT NULL,
    component_instance text COLLATE "C" NOT NULL,
    evse_id            integer NOT NULL,
    connector_id       integer NOT NULL,
    variable           text COLLATE "C" NOT NULL,
    variable_instance  text COLLATE "C" NOT NULL,
    attribute_type     text COLLATE "C" NOT NULL,
    value              text NOT NULL,
    state              text NOT NULL CHECK (state IN ('PENDING', 'SENT', 'ACCEPTED', 'REJECTED', 'REBOOT_REQUIRED',
                                                      'NOT_SUPPORTED', 'UNKNOWN')),
    answer             text NOT NULL DEFAULT '',
    detail             text NOT NULL DEFAULT '',
    set_by             text NOT NULL DEFAULT '',
    set_at             timestamptz NOT NULL,
    sent_at            timestamptz,
    answered_at        timestamptz,
    drifted_at         timestamptz,
    template_id        bigint REFERENCES configuration_template ON DELETE SET NULL,
    PRIMARY KEY (station_id, component, component_instance, evse_id, connector_id, variable, variable_instance,
                 attribute_type)
);
CREATE INDEX desired_variable_open ON desired_variable (station_id)
    WHERE drifted_at IS NOT NULL OR state <> 'ACCEPTED';
COMMENT ON COLUMN desired_variable.answer IS 'the station''s own word';
COMMENT ON COLUMN desired_variable.drifted_at IS 'since when the station is known to have another value than it took';

-- Where the server is with a station. Vendor, model and firmware: for which the configuration was read last.
CREATE TABLE station_configuration (
    station_id        bigint PRIMARY KEY REFERENCES station ON DELETE CASCADE,
    vendor            text NOT NULL DEFAULT '',
    model             text NOT NULL DEFAULT '',
    firmware_version  text NOT NULL DEFAULT '',
    read_at           timestamptz,
    templated_at      timestamptz,
    apply_due         boolean NOT NULL DEFAULT false,
    apply_template_id bigint,
    apply_by          text NOT NULL DEFAULT '',
    upload_due        boolean NOT NULL DEFAULT false,
    requested_at      timestamptz,
    attempts          integer NOT NULL DEFAULT 0,
    not_before        timestamptz,
    failure           text NOT NULL DEFAULT '',
    compared_at       timestamptz,
    drifted           text[] NOT NULL DEFAULT '{}'
);
COMMENT ON COLUMN station_configuration.apply_template_id IS 'NULL, and apply_due: all that fit';
COMMENT ON COLUMN station_configuration.requested_at IS 'names the request: what is done for an older one does not end a newer one';
COMMENT ON COLUMN station_configuration.drifted IS 'names that the alarm tells of';
