-- Sums of sums, for charts over years: by site and day, and by station, person and tag and month. Triggers keep them, in
-- the transaction that changes what they are made of: whichever version of the program does, they are right.

CREATE TABLE usage_site_day (
    site_id     bigint NOT NULL,
    day         date NOT NULL,
    energy_mwh  bigint NOT NULL,
    charging_s  bigint NOT NULL,
    occupied_s  bigint NOT NULL,
    sessions    bigint NOT NULL,
    with_energy bigint NOT NULL,
    begun_mwh   bigint NOT NULL,
    begun_s     bigint NOT NULL,
    PRIMARY KEY (site_id, day)
) WITH (fillfactor = 80);
COMMENT ON TABLE usage_site_day IS 'of usage_hour; site 0 is everything';

CREATE TABLE usage_station_month (
    station_id  bigint NOT NULL,
    day         date NOT NULL,
    place_id    bigint NOT NULL,
    energy_mwh  bigint NOT NULL,
    charging_s  bigint NOT NULL,
    occupied_s  bigint NOT NULL,
    sessions    bigint NOT NULL,
    with_energy bigint NOT NULL,
    begun_mwh   bigint NOT NULL,
    begun_s     bigint NOT NULL,
    peak_w      integer NOT NULL,
    PRIMARY KEY (station_id, day, place_id)
) WITH (fillfactor = 80);
COMMENT ON TABLE usage_station_month IS 'of usage_month, whoever charged';

CREATE TABLE usage_user_month (
    user_id     bigint NOT NULL,
    day         date NOT NULL,
    energy_mwh  bigint NOT NULL,
    charging_s  bigint NOT NULL,
    occupied_s  bigint NOT NULL,
    sessions    bigint NOT NULL,
    with_energy bigint NOT NULL,
    begun_mwh   bigint NOT NULL,
    begun_s     bigint NOT NULL,
    peak_w      integer NOT NULL,
    PRIMARY KEY (user_id, day)
) WITH (fillfactor = 80);
COMMENT ON TABLE usage_user_month IS 'of usage_month, wherever it was';
CREATE INDEX ON usage_user_month (day);

CREATE TABLE usage_tag_month (
    id_token    text COLLATE "C" NOT NULL,
    day         date NOT NULL,
    energy_mwh  bigint NOT NULL,
    charging_s  bigint NOT NULL,
    occupied_s  bigint NOT NULL,
    sessions    bigint NOT NULL,
    with_energy bigint NOT NULL,
    begun_mwh   bigint NOT NULL,
    begun_s     bigint NOT NULL,
    peak_w      integer NOT NULL,
    PRIMARY KEY (id_token, day)
) WITH (fillfactor = 80);
COMMENT ON TABLE usage_tag_month IS 'of usage_month, wherever it was';
CREATE INDEX ON usage_tag_month (day);

CREATE INDEX usage_month_id_token ON usage_month (id_token, day);
CREATE INDEX usage_day_id_token ON usage_day (id_token, day);

-- Adds the difference between `added` and `removed` rows to a table that is kept by fewer keys. Its arguments: the table,
-- its keys, and the table that it is made of where a highest power is kept as well.
CREATE FUNCTION roll_up_usage() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    rollup CONSTANT text := TG_ARGV[0];
    keys   CONSTANT text := TG_ARGV[1];
    peaks  CONSTANT boolean := TG_NARGS > 2;
    source CONSTANT text := CASE TG_OP
        WHEN 'INSERT' THEN 'SELECT 1 AS sign, * FROM added'
        WHEN 'DELETE' THEN 'SELECT -1 AS sign, * FROM removed'
        ELSE 'SELECT 1 AS sign, * FROM added UNION ALL SELECT -1, * FROM removed' END;
    ours   CONSTANT text := '(t.' || replace(keys, ', ', ', t.') || ') = (k.' || replace(keys, ', ', ', k.') || ')';
BEGIN
    EXECUTE format($sql$
        INSERT INTO %1$I AS t (%2$s, energy_mwh, charging_s, occupied_s, sessions, with_energy, begun_mwh, begun_s%4$s)
        SELECT %2$s, sum(sign * energy_mwh), sum(sign * charging_s), sum(sign * occupied_s), sum(sign * sessions),
               sum(sign * with_energy), sum(sign * begun_mwh), sum(sign * begun_s)%5$s
        FROM (%3$s) AS d GROUP BY %2$s
        ON CONFLICT (%2$s) DO UPDATE SET
            energy_mwh = t.energy_mwh + excluded.energy_mwh, charging_s = t.charging_s + excluded.charging_s,
            occupied_s = t.occupied_s + excluded.occupied_s, sessions = t.sessions + excluded.sessions,
            with_energy = t.with_energy + excluded.with_energy, begun_mwh = t.begun_mwh + excluded.begun_mwh,
            begun_s = t.begun_s + excluded.begun_s%6$s
        $sql$, rollup, keys, source,
        CASE WHEN peaks THEN ', peak_w' ELSE '' END,
        CASE WHEN peaks THEN ', coalesce(max(peak_w) FILTER (WHERE sign = 1), 0)' ELSE '' END,
        CASE WHEN peaks THEN ', peak_w = greatest(t.peak_w, excluded.peak_w)' ELSE '' END);
    IF peaks AND TG_OP <> 'INSERT' THEN
        -- Where the highest went away, another one is looked for.
        EXECUTE format($sql$
            UPDATE %1$I AS t SET peak_w = coalesce((SELECT max(k.peak_w) FROM %4$I AS k WHERE %5$s), 0)
            FROM (SELECT %2$s, max(peak_w) FILTER (WHERE sign = -1) AS before,
                         coalesce(max(peak_w) FILTER (WHERE sign = 1), 0) AS after
                  FROM (%3$s) AS d GROUP BY %2$s) AS k
            WHERE %5$s AND k.after < k.before AND k.before = t.peak_w
            $sql$, rollup, keys, source, TG_ARGV[2], ours);
    END IF;
    IF TG_OP = 'DELETE' THEN
        EXECUTE format($sql$
            DELETE FROM %1$I AS t USING (SELECT DISTINCT %2$s FROM removed) AS k
            WHERE %3$s AND t.sessions = 0 AND t.occupied_s = 0 AND t.energy_mwh = 0 AND t.begun_s = 0
            $sql$, rollup, keys, ours);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER site_day_added AFTER INSERT ON usage_hour REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION roll_up_usage('usage_site_day', 'site_id, day');
CREATE TRIGGER site_day_changed AFTER UPDATE ON usage_hour REFERENCING OLD TABLE AS removed NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION roll_up_usage('usage_site_day', 'site_id, day');
CREATE TRIGGER site_day_removed AFTER DELETE ON usage_hour REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION roll_up_usage('usage_site_day', 'site_id, day');

CREATE TRIGGER station_month_added AFTER INSERT ON usage_month REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION roll_up_usage('usage_station_month', 'station_id, day, place_id', 'usage_month');
CREATE TRIGGER station_month_changed AFTER UPDATE ON usage_month REFERENCING OLD TABLE AS removed NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION roll_up_usage('usage_station_month', 'station_id, day, place_id', 'usage_month');
CREATE TRIGGER station_month_removed AFTER DELETE ON usage_month REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION roll_up_usage('usage_station_month', 'station_id, day, place_id', 'usage_month');

CREATE TRIGGER user_month_added AFTER INSERT ON usage_month REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION roll_up_usage('usage_user_month', 'user_id, day', 'usage_month');
CREATE TRIGGER user_month_changed AFTER UPDATE ON usage_month REFERENCING OLD TABLE AS removed NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION roll_up_usage('usage_user_month', 'user_id, day', 'usage_month');
CREATE TRIGGER user_month_removed AFTER DELETE ON usage_month REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION roll_up_usage('usage_user_month', 'user_id, day', 'usage_month');

CREATE TRIGGER tag_month_added AFTER INSERT ON usage_month REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION roll_up_usage('usage_tag_month', 'id_token, day', 'usage_month');
CREATE TRIGGER tag_month_changed AFTER UPDATE ON usage_month REFERENCING OLD TABLE AS removed NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION roll_up_usage('usage_tag_month', 'id_token, day', 'usage_month');
CREATE TRIGGER tag_month_removed AFTER DELETE ON usage_month REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION roll_up_usage('usage_tag_month', 'id_token, day', 'usage_month');

-- What is there already.
INSERT INTO usage_site_day
SELECT site_id, day, sum(energy_mwh), sum(charging_s), sum(occupied_s), sum(sessions), sum(with_energy), sum(begun_mwh),
       sum(begun_s)
FROM usage_hour GROUP BY 1, 2;
INSERT INTO usage_station_month
SELECT station_id, day, place_id, sum(energy_mwh), sum(charging_s), sum(occupied_s), sum(sessions), sum(with_energy),
       sum(begun_mwh), sum(begun_s), max(peak_w)
FROM usage_month GROUP BY 1, 2, 3;
INSERT INTO usage_user_month
SELECT user_id, day, sum(energy_mwh), sum(charging_s), sum(occupied_s), sum(sessions), sum(with_energy),
       sum(begun_mwh), sum(begun_s), max(peak_w)
FROM usage_month GROUP BY 1, 2;
INSERT INTO usage_tag_month
SELECT id_token, day, sum(energy_mwh), sum(charging_s), sum(occupied_s), sum(sessions), sum(with_energy),
       sum(begun_mwh), sum(begun_s), max(peak_w)
FROM usage_month GROUP BY 1, 2;
