-- Failures of the same cause, by endpoint; pieces of long work, with the deliveries that each of them sent; and settings
-- that people change in the pages.

CREATE TABLE issues (
    endpoint INTEGER NOT NULL,
    status INTEGER NOT NULL,        -- 0 where there was no answer
    error TEXT NOT NULL,
    line TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    delivery INTEGER NOT NULL,      -- the number of the last one
    solved_at INTEGER,
    PRIMARY KEY (endpoint, status, error, line)
) WITHOUT ROWID;
CREATE INDEX issues_by_age ON issues (last_at);

CREATE TABLE jobs (
    n INTEGER PRIMARY KEY,
    about TEXT NOT NULL,            -- an endpoint's id, or `deliveries`
    total INTEGER NOT NULL,         -- as counted before it began
    sent INTEGER NOT NULL,
    state TEXT NOT NULL,
    began_at INTEGER NOT NULL,
    ended_at INTEGER
);
CREATE INDEX jobs_by_subject ON jobs (about, n);

ALTER TABLE deliveries ADD COLUMN job INTEGER;
CREATE INDEX deliveries_by_job ON deliveries (job, state) WHERE job IS NOT NULL;

CREATE TABLE settings (name TEXT PRIMARY KEY, sealed BLOB NOT NULL) WITHOUT ROWID;
