-- Times are milliseconds since 1970. Ids are the 16 bytes of a UUID v7.

CREATE TABLE meta (name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES ('sequence', 0), ('off_feed', 0);

CREATE TABLE sources (
    id BLOB PRIMARY KEY,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    sealed BLOB NOT NULL,           -- {url, key}
    time_zone TEXT NOT NULL,
    models TEXT,                    -- JSON list
    heard_at INTEGER,
    created_at INTEGER NOT NULL
) WITHOUT ROWID;

-- Rows of the ERP without which other changes can't be understood.
CREATE TABLE remembered (
    source BLOB NOT NULL,
    model TEXT NOT NULL,
    key TEXT NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (source, model, key)
) WITHOUT ROWID;

CREATE TABLE endpoints (
    n INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    url TEXT NOT NULL,
    config TEXT NOT NULL,           -- JSON
    sealed BLOB NOT NULL,           -- {secret, next, headers}
    enabled INTEGER NOT NULL,
    paused INTEGER NOT NULL,
    disabled_reason TEXT,
    health TEXT NOT NULL,           -- JSON
    pending INTEGER NOT NULL,       -- deliveries that wait, kept by every verb that changes them
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    removed_at INTEGER
);

-- The feed in order of commit: n counts 1, 2, 3…; below zero stands what is not in the feed.
CREATE TABLE events (
    n INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    type TEXT NOT NULL,
    created INTEGER NOT NULL,
    arrived_at INTEGER NOT NULL,
    source BLOB,
    object TEXT,                    -- Model:key
    body BLOB NOT NULL
);
CREATE INDEX events_by_object ON events (object, n) WHERE object IS NOT NULL;

CREATE TABLE deliveries (
    n INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    event INTEGER NOT NULL,
    endpoint INTEGER NOT NULL,
    state INTEGER NOT NULL,         -- 0 pending, 1 delivered, 2 failed, 3 cancelled, 4 skipped
    reason TEXT,
    lane INTEGER NOT NULL,          -- 0 live, 1 replay, 2 test
    attempts INTEGER NOT NULL,
    max_attempts INTEGER NOT NULL,
    due INTEGER,                    -- while pending: when it may go, or when its lease ends
    leased INTEGER,                 -- while leased: when it was due
    created_at INTEGER NOT NULL,
    last_at INTEGER,
    last_status INTEGER,
    last_error TEXT,
    last_ms INTEGER
);
CREATE INDEX deliveries_due ON deliveries (endpoint, lane, due) WHERE state = 0;
CREATE INDEX deliveries_by_endpoint ON deliveries (endpoint, state, n);
CREATE INDEX deliveries_by_event ON deliveries (event);
CREATE INDEX deliveries_ended_badly ON deliveries (state, n) WHERE state > 1;

-- k = delivery × 65536 + the attempt's number: a delivery's attempts lie together.
CREATE TABLE attempts (k INTEGER PRIMARY KEY, attempt BLOB NOT NULL);

CREATE TABLE repeats (
    token BLOB NOT NULL,
    kind INTEGER NOT NULL,
    key TEXT NOT NULL,
    digest BLOB NOT NULL,
    answer TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (token, kind, key)
) WITHOUT ROWID;
CREATE INDEX repeats_by_age ON repeats (at);

CREATE TABLE tokens (
    id BLOB PRIMARY KEY,
    name TEXT NOT NULL,
    scope TEXT NOT NULL,
    source BLOB,
    digest BLOB NOT NULL UNIQUE,
    created_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE users (
    id BLOB PRIMARY KEY,
    name TEXT NOT NULL UNIQUE COLLATE NOCASE,
    role TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    created_at INTEGER NOT NULL
) WITHOUT ROWID;
