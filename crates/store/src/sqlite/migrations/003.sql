-- Records of a polled ERP as they were read last, and how far reading has come.

CREATE TABLE seen (
    source BLOB NOT NULL,
    model TEXT NOT NULL,
    key TEXT NOT NULL,
    day TEXT,
    record TEXT NOT NULL,
    PRIMARY KEY (source, model, key)
) WITHOUT ROWID;
CREATE INDEX seen_by_day ON seen (source, model, day) WHERE day IS NOT NULL;

CREATE TABLE marks (
    source BLOB NOT NULL,
    name TEXT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (source, name)
) WITHOUT ROWID;
