-- A row that changes with every commit is slow to find while somebody holds an old snapshot: none of its versions can be cleared
-- away. So the feed's last number follows from the events, and how much waits is added up from rows that are only inserted.

-- How many deliveries wait, after all transactions before meta's `waiting_counted`.
CREATE TABLE waiting (endpoint bigint PRIMARY KEY, count bigint NOT NULL);
INSERT INTO waiting SELECT n, pending FROM endpoints WHERE pending <> 0;
ALTER TABLE endpoints DROP COLUMN pending;
INSERT INTO meta VALUES ('waiting_counted', 0);

-- How many more wait after each transaction since. Those before the oldest one that is still open are counted and removed.
CREATE TABLE waiting_changes (
    made_in bigint NOT NULL DEFAULT (pg_current_xact_id()::text::bigint),
    endpoint bigint NOT NULL,
    more bigint NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);
CREATE INDEX waiting_changes_by_transaction ON waiting_changes (made_in);

-- What every accepted event needs, in one round trip. From then on until the transaction ends, no other node gets a number: the
-- second statement sees what was committed before the lock was given.
CREATE FUNCTION lock_feed(OUT plan_version bigint, OUT last bigint) LANGUAGE plpgsql AS $$
BEGIN
    SELECT value INTO plan_version FROM meta WHERE name = 'plan_version' FOR UPDATE;
    SELECT greatest((SELECT value FROM meta WHERE name = 'sequence'), (SELECT max(n) FROM events)) INTO last;
END
$$;
