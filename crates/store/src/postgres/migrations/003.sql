-- Events and what belongs to them lie in partitions by the day on which the event arrived, so that the old ones are dropped and
-- never deleted. The number of a delivery begins with that day (the 23 bits from 2^40 on), so it names the partition, too.
CREATE TABLE partitions (from_day bigint PRIMARY KEY, until_day bigint NOT NULL);
CREATE SEQUENCE delivery_numbers AS bigint MAXVALUE 1099511627775;

ALTER TABLE events RENAME TO old_events;
ALTER TABLE deliveries RENAME TO old_deliveries;
ALTER TABLE attempts RENAME TO old_attempts;
ALTER TABLE searched RENAME TO old_searched;
ALTER INDEX events_pkey RENAME TO old_events_pkey;
ALTER INDEX deliveries_pkey RENAME TO old_deliveries_pkey;
ALTER INDEX attempts_pkey RENAME TO old_attempts_pkey;
ALTER INDEX searched_pkey RENAME TO old_searched_pkey;
DROP INDEX events_by_object, events_by_label, deliveries_due, deliveries_by_event, deliveries_by_endpoint, deliveries_ended_badly,
    deliveries_by_job;

-- The feed in order of commit: n counts 1, 2, 3…; below zero stands what is not in the feed.
CREATE TABLE events (
    n bigint NOT NULL,
    id bytea NOT NULL,
    type text NOT NULL,
    created bigint NOT NULL,
    arrived_at bigint NOT NULL,
    source bytea,
    object text,                    -- Model:key
    label text,
    body bytea NOT NULL,
    PRIMARY KEY (n, arrived_at)
) PARTITION BY RANGE (arrived_at);
ALTER TABLE events ALTER body SET STORAGE EXTERNAL;
-- No event twice: the same one arrived at the same time.
CREATE UNIQUE INDEX events_by_id ON events (id, arrived_at);
CREATE INDEX events_by_object ON events (object, n) WHERE object IS NOT NULL;
CREATE INDEX events_by_label ON events (lower(label COLLATE "C") COLLATE "C", n) WHERE label IS NOT NULL;

CREATE TABLE deliveries (
    n bigint PRIMARY KEY,
    id bytea NOT NULL,
    event bigint NOT NULL,
    endpoint bigint NOT NULL,
    state bigint NOT NULL,          -- 0 pending, 1 delivered, 2 failed, 3 cancelled, 4 skipped
    reason text,
    lane bigint NOT NULL,           -- 0 live, 1 replay, 2 test
    attempts bigint NOT NULL,
    max_attempts bigint NOT NULL,
    due bigint,                     -- while pending: when it may go, or when its lease ends
    leased bigint,                  -- while leased: when it was due
    node bytea,                     -- while leased: by whom
    created_at bigint NOT NULL,
    last_at bigint,
    last_status bigint,
    last_error text,
    last_ms bigint,
    ended_at bigint,                -- of what no attempt ended
    job bigint,
    body bytea                      -- where it is not the event's
) PARTITION BY RANGE (n);
CREATE INDEX deliveries_by_id ON deliveries (id);
CREATE INDEX deliveries_due ON deliveries (endpoint, lane, due) WHERE state = 0;
CREATE INDEX deliveries_by_endpoint ON deliveries (endpoint, state, n);
CREATE INDEX deliveries_by_event ON deliveries (event);
CREATE INDEX deliveries_ended_badly ON deliveries (state, n) WHERE state > 1;
CREATE INDEX deliveries_failed ON deliveries (created_at) WHERE state = 2;
CREATE INDEX deliveries_by_job ON deliveries (job, state) WHERE job IS NOT NULL;

CREATE TABLE attempts (
    delivery bigint NOT NULL,
    n bigint NOT NULL,
    attempt bytea NOT NULL,         -- JSON, packed
    PRIMARY KEY (delivery, n)
) PARTITION BY RANGE (delivery);

-- What is searched: folded texts of events.
CREATE TABLE searched (
    n bigint NOT NULL,
    arrived_at bigint NOT NULL,
    text text NOT NULL,
    PRIMARY KEY (n, arrived_at)
) PARTITION BY RANGE (arrived_at);
