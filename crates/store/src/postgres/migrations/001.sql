-- Times are milliseconds since 1970; those of plans and leases are by the clock that all nodes share. Ids are the 16 bytes
-- of a UUID v7.

CREATE TABLE meta (name text PRIMARY KEY, value bigint NOT NULL);
INSERT INTO meta VALUES ('sequence', 0), ('off_feed', 0), ('plan_version', 1);

CREATE TABLE about (name text PRIMARY KEY, value text NOT NULL);

-- Who works on this database, and until when nobody doubts that.
CREATE TABLE nodes (id bytea PRIMARY KEY, until bigint NOT NULL);
CREATE TABLE leases (name text PRIMARY KEY, node bytea NOT NULL, until bigint NOT NULL);

CREATE TABLE sources (
    id bytea PRIMARY KEY,
    name text NOT NULL,
    kind text NOT NULL,
    sealed bytea NOT NULL,          -- {url, key}
    time_zone text NOT NULL,
    models text,                    -- JSON list
    heard_at bigint,
    created_at bigint NOT NULL,
    paused boolean NOT NULL,
    reference_version bigint NOT NULL DEFAULT 0,
    seen_version bigint NOT NULL DEFAULT 0
);

-- Rows of the ERP without which other changes can't be understood.
CREATE TABLE remembered (
    source bytea NOT NULL,
    model text NOT NULL,
    key text NOT NULL,
    record text NOT NULL,
    PRIMARY KEY (source, model, key)
);

CREATE TABLE customers (
    source bytea NOT NULL,
    code text NOT NULL,
    known text NOT NULL,
    PRIMARY KEY (source, code)
);

CREATE TABLE endpoints (
    n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id bytea NOT NULL UNIQUE,
    config text NOT NULL,           -- JSON
    sealed bytea NOT NULL,          -- {url, secret, next, headers}
    enabled boolean NOT NULL,
    paused boolean NOT NULL,
    disabled_reason text,
    health text NOT NULL,           -- JSON
    pending bigint NOT NULL,        -- deliveries that wait, kept by every verb that changes them
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    removed_at bigint
) WITH (fillfactor = 50);

-- The feed in order of commit: n counts 1, 2, 3…; below zero stands what is not in the feed.
CREATE TABLE events (
    n bigint PRIMARY KEY,
    id bytea NOT NULL UNIQUE,
    type text NOT NULL,
    created bigint NOT NULL,
    arrived_at bigint NOT NULL,
    source bytea,
    object text,                    -- Model:key
    label text,
    body bytea NOT NULL
);
ALTER TABLE events ALTER body SET STORAGE EXTERNAL;
CREATE INDEX events_by_object ON events (object, n) WHERE object IS NOT NULL;
CREATE INDEX events_by_label ON events (lower(label COLLATE "C") COLLATE "C", n) WHERE label IS NOT NULL;

CREATE TABLE deliveries (
    n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id bytea NOT NULL UNIQUE,
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
) WITH (fillfactor = 80);
CREATE INDEX deliveries_due ON deliveries (endpoint, lane, due) WHERE state = 0;
CREATE INDEX deliveries_by_endpoint ON deliveries (endpoint, state, n);
CREATE INDEX deliveries_by_event ON deliveries (event);
CREATE INDEX deliveries_ended_badly ON deliveries (state, n) WHERE state > 1;
CREATE INDEX deliveries_by_job ON deliveries (job, state) WHERE job IS NOT NULL;

CREATE TABLE attempts (
    delivery bigint NOT NULL,
    n bigint NOT NULL,
    attempt text NOT NULL,          -- JSON
    PRIMARY KEY (delivery, n)
);

CREATE TABLE repeats (
    token bytea NOT NULL,
    kind bigint NOT NULL,
    key text NOT NULL,
    digest bytea NOT NULL,
    answer text NOT NULL,
    at bigint NOT NULL,
    PRIMARY KEY (token, kind, key)
);
CREATE INDEX repeats_by_age ON repeats (at);

CREATE TABLE processed_rows (
    source bytea NOT NULL,
    id bigint NOT NULL,
    mark bigint NOT NULL,           -- a digest of the connection's name
    at bigint NOT NULL,             -- when it was processed
    PRIMARY KEY (source, id, mark)
);

CREATE TABLE tokens (
    id bytea PRIMARY KEY,
    name text NOT NULL,
    scope text NOT NULL,
    source bytea,
    digest bytea NOT NULL UNIQUE,
    created_at bigint NOT NULL
);

CREATE TABLE users (
    id bytea PRIMARY KEY,
    name text NOT NULL,
    role text NOT NULL,
    password_hash text NOT NULL,
    email text,
    language text,
    time_zone text,
    created_at bigint NOT NULL
);
CREATE UNIQUE INDEX users_by_name ON users (lower(name COLLATE "C") COLLATE "C");

CREATE TABLE sessions (
    digest bytea PRIMARY KEY,
    owner bytea NOT NULL,
    agent text NOT NULL,
    created_at bigint NOT NULL,
    seen_at bigint NOT NULL,
    expires_at bigint NOT NULL
);
CREATE INDEX sessions_by_owner ON sessions (owner);

CREATE TABLE history (
    n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at bigint NOT NULL,
    who text NOT NULL,
    action text NOT NULL,
    object text NOT NULL,
    name text NOT NULL,
    details text NOT NULL           -- JSON: what changed, secrets masked
);
CREATE INDEX history_by_object ON history (object, n);

-- What became of attempts, by endpoint and hour since 1970; durations of good answers in classes.
CREATE TABLE hours (
    endpoint bigint NOT NULL,
    hour bigint NOT NULL,
    delivered bigint NOT NULL,
    retried bigint NOT NULL,
    failed bigint NOT NULL,
    classes bigint[] NOT NULL,
    PRIMARY KEY (endpoint, hour)
) WITH (fillfactor = 50);
CREATE INDEX hours_by_hour ON hours (hour);

-- What people were told already, so that nobody is told twice.
CREATE TABLE notices (object text PRIMARY KEY, told text NOT NULL, at bigint NOT NULL);

-- Records of a polled ERP as they were read last, and how far reading has come.
CREATE TABLE seen (
    source bytea NOT NULL,
    model text NOT NULL,
    key text COLLATE "C" NOT NULL,
    day text COLLATE "C",
    record text NOT NULL,
    PRIMARY KEY (source, model, key)
);
CREATE INDEX seen_by_day ON seen (source, model, day, key) WHERE day IS NOT NULL;

CREATE TABLE marks (
    source bytea NOT NULL,
    name text COLLATE "C" NOT NULL,
    text text NOT NULL,
    PRIMARY KEY (source, name)
);

-- Failures of the same cause, by endpoint.
CREATE TABLE issues (
    endpoint bigint NOT NULL,
    status bigint NOT NULL,         -- 0 where there was no answer
    error text NOT NULL,
    line text NOT NULL,
    attempts bigint NOT NULL,
    failed bigint NOT NULL,
    first_at bigint NOT NULL,
    last_at bigint NOT NULL,
    delivery bigint NOT NULL,       -- the number of the last one
    solved_at bigint,
    PRIMARY KEY (endpoint, status, error, line)
);
CREATE INDEX issues_by_age ON issues (last_at);

CREATE TABLE jobs (
    n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    about text NOT NULL,            -- an endpoint's id, or `deliveries`
    total bigint NOT NULL,          -- as counted before it began
    sent bigint NOT NULL,
    state text NOT NULL,
    node bytea,                     -- whose work it is
    began_at bigint NOT NULL,
    ended_at bigint,
    resume text
);
CREATE INDEX jobs_by_subject ON jobs (about, n);

CREATE TABLE settings (name text PRIMARY KEY, sealed bytea NOT NULL);

-- Bins: temporary URLs that keep what they receive.
CREATE TABLE bins (
    id bytea PRIMARY KEY,
    respond text NOT NULL,          -- JSON
    received bigint NOT NULL,       -- how many requests came so far
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL
);

CREATE TABLE bin_requests (
    bin bytea NOT NULL,
    n bigint NOT NULL,
    at bigint NOT NULL,
    head text NOT NULL,             -- JSON: method, rest, headers, truncated
    body bytea NOT NULL,
    PRIMARY KEY (bin, n)
);

-- Programs that read the feed, each with the sequence number up to which it has acknowledged events.
CREATE TABLE consumers (
    name text COLLATE "C" PRIMARY KEY,
    types text NOT NULL,            -- JSON
    sources text NOT NULL,          -- JSON
    position bigint NOT NULL,
    created_at bigint NOT NULL,
    acked_at bigint
);

-- What is searched: folded texts of events, and how far they go.
CREATE TABLE searched (n bigint PRIMARY KEY, text text NOT NULL);
INSERT INTO meta VALUES ('searched', 0);
