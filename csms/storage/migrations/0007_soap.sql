-- Where stations that speak SOAP (OCPP 1.5) take commands.

ALTER TABLE station
    ADD COLUMN soap_address         text NOT NULL DEFAULT '',
    ADD COLUMN soap_address_seen    text NOT NULL DEFAULT '',
    ADD COLUMN soap_address_seen_at timestamptz;
COMMENT ON COLUMN station.soap_address IS 'set or confirmed by an operator';
COMMENT ON COLUMN station.soap_address_seen IS 'what the station told last (wsa:From)';
