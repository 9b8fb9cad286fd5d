-- Transactions of OCPP 2.x: the station makes their ids and numbers their messages.

ALTER TABLE session
    ADD COLUMN register_first_wh double precision,
    ADD COLUMN register_first_at timestamptz,
    ADD COLUMN sequence text,
    ADD COLUMN token_seq bigint NOT NULL DEFAULT -1,
    ADD COLUMN charging_state text,
    ADD COLUMN remote_start_id bigint,
    ADD COLUMN stop_id_token text NOT NULL DEFAULT '',
    ADD COLUMN extras jsonb;
COMMENT ON COLUMN session.sequence IS 'seqNos that have come, as "0-12 14-15"; null: OCPP 1.x, which has none';
COMMENT ON COLUMN session.extras IS 'the last word on what else a TransactionEvent may say, in OCPP''s names';

-- A transaction of 2.x is known by its id alone.
DROP INDEX session_start_key;
CREATE UNIQUE INDEX session_start_key
    ON session (station_id_at_start, evse_id, started_at, id_token, coalesce(meter_start_wh, 0))
    WHERE started_at IS NOT NULL AND sequence IS NULL;
