-- Notifications tell what people call a station. Those that were made before tell its resource name: they are told anew.

UPDATE notification SET body = jsonb_set(body, '{station}', to_jsonb(coalesce(nullif(station.display_name, ''), station.identity)))
FROM station
WHERE body->>'station' = 'stations/' || station.id;
UPDATE notification SET body = jsonb_set(body, '{station}', '""') WHERE body->>'station' ~ '^stations/[0-9]+$';
