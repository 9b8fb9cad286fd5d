-- What people know of a station as a piece of equipment, and the secrets that stand on its label. The secrets are
-- encrypted with a key that is not in the database.

CREATE TABLE installation (
    station_id        bigint PRIMARY KEY REFERENCES station ON DELETE CASCADE,
    manufactured_at   timestamptz,
    part_number       text NOT NULL DEFAULT '',
    material_number   text NOT NULL DEFAULT '',
    mes_serial_number text NOT NULL DEFAULT '',
    vendor_code       text NOT NULL DEFAULT '',
    installed_on      date,
    installer         text NOT NULL DEFAULT '',
    warranty_until    date,
    grid_connection   text NOT NULL DEFAULT '',
    fuse_amperes      integer,
    phases            integer,
    note              text NOT NULL DEFAULT '',
    master_password   text NOT NULL DEFAULT '',
    access_code       text NOT NULL DEFAULT '',
    version           integer NOT NULL DEFAULT 1,
    updated_at        timestamptz NOT NULL DEFAULT now()
);
