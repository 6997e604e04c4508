-- What pages show: a document's number beside its event, counts by the hour, who changed what.

ALTER TABLE events ADD COLUMN label TEXT;
CREATE INDEX events_by_label ON events (label COLLATE NOCASE, n) WHERE label IS NOT NULL;

ALTER TABLE users ADD COLUMN email TEXT;
ALTER TABLE users ADD COLUMN language TEXT;
ALTER TABLE users ADD COLUMN time_zone TEXT;

CREATE TABLE sessions (
    digest BLOB PRIMARY KEY,
    user BLOB NOT NULL,
    agent TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX sessions_by_user ON sessions (user);

CREATE TABLE history (
    n INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    who TEXT NOT NULL,
    action TEXT NOT NULL,
    object TEXT NOT NULL,
    name TEXT NOT NULL,
    details TEXT NOT NULL           -- JSON: what changed, secrets masked
);
CREATE INDEX history_by_object ON history (object, n);

-- What became of attempts, by endpoint and hour since 1970; durations of good answers in classes.
CREATE TABLE hours (
    endpoint INTEGER NOT NULL,
    hour INTEGER NOT NULL,
    delivered INTEGER NOT NULL,
    retried INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    t0 INTEGER NOT NULL, t1 INTEGER NOT NULL, t2 INTEGER NOT NULL, t3 INTEGER NOT NULL, t4 INTEGER NOT NULL,
    t5 INTEGER NOT NULL, t6 INTEGER NOT NULL, t7 INTEGER NOT NULL, t8 INTEGER NOT NULL, t9 INTEGER NOT NULL,
    PRIMARY KEY (endpoint, hour)
) WITHOUT ROWID;
CREATE INDEX hours_by_hour ON hours (hour);

-- What people were told already, so that nobody is told twice.
CREATE TABLE notices (object TEXT PRIMARY KEY, told TEXT NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID;
