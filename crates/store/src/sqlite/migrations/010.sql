-- Bins: temporary URLs that keep what they receive.

CREATE TABLE bins (
    id BLOB PRIMARY KEY,
    respond TEXT NOT NULL,          -- JSON
    received INTEGER NOT NULL,      -- how many requests came so far
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE bin_requests (
    bin BLOB NOT NULL,
    n INTEGER NOT NULL,
    at INTEGER NOT NULL,
    head TEXT NOT NULL,             -- JSON: method, rest, headers, truncated
    body BLOB NOT NULL,
    PRIMARY KEY (bin, n)
) WITHOUT ROWID;
