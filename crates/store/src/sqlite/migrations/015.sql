-- How many deliveries wait is counted when the server starts and followed in its memory: a row that changes with every
-- event was a page in every commit.

ALTER TABLE endpoints DROP COLUMN pending;
