-- What people know a node by, and since when it is there.
ALTER TABLE nodes ADD COLUMN name text NOT NULL DEFAULT '', ADD COLUMN began_at bigint NOT NULL DEFAULT 0;

-- Which node serves an endpoint: one at a time does, so that the endpoint's limits hold over all of them. It stays with the
-- node as long as that is there, or until it gives the endpoint up.
CREATE TABLE serving (endpoint bigint PRIMARY KEY, node bytea NOT NULL);

-- Rises whenever an endpoint looks different: engines read them again.
INSERT INTO meta VALUES ('endpoint_version', 1);

-- How a source does, as the node tells that watches it.
CREATE TABLE source_status (source bytea PRIMARY KEY, status text NOT NULL, at bigint NOT NULL) WITH (fillfactor = 50);
