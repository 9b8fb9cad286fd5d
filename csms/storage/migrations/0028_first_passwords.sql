-- A password that an administrator has set holds until its user signs in with it, and chooses another.

ALTER TABLE app_user ADD COLUMN must_change_password boolean NOT NULL DEFAULT false;
