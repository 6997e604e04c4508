-- Programs that read the feed, each with the sequence number up to which it has acknowledged events.

CREATE TABLE consumers (
    name TEXT PRIMARY KEY,
    types TEXT NOT NULL,            -- JSON
    sources TEXT NOT NULL,          -- JSON
    position INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    acked_at INTEGER
) WITHOUT ROWID;
