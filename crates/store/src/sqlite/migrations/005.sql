-- Rows of sources' outboxes from which events were made: a database that is restored holds them again.

CREATE TABLE processed_rows (
    source BLOB NOT NULL,
    id INTEGER NOT NULL,
    mark INTEGER NOT NULL,          -- a digest of the connection's name
    at INTEGER NOT NULL,            -- when it was processed
    PRIMARY KEY (source, id, mark)
) WITHOUT ROWID;
