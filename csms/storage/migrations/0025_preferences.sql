-- What programs keep for people: at most 50 texts of 8000 characters, beside what else they chose. No more, whoever writes.

ALTER TABLE app_user
    ADD CONSTRAINT app_user_preferences_size CHECK (octet_length(preferences) <= 4000000);

COMMENT ON COLUMN app_user.preferences IS 'JSON: theme, widgets, share_usage, kept (texts by name)';
