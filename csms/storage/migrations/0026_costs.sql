-- A correction of who charged prices the session anew: by what was assigned for the right driver when it began.

ALTER TABLE session_cost_due ADD COLUMN driver_changed boolean NOT NULL DEFAULT false;
