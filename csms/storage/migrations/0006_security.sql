-- Its owner fills this in.
SELECT 1;
