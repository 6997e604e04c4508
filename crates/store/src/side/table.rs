//! The tables of both databases, and how each names their columns.

use super::value::ColumnKind::{self, Bytes, Flag, Number, Text};

/// A table. Its first columns are the key and the order of its rows.
pub(crate) struct CopiedTable {
    pub name: &'static str,
    /// Number of key columns.
    pub key: usize,
    pub columns: &'static [Column],
    /// Whether PostgreSQL generates the first column.
    pub is_counted: bool,
    /// SQLite's key if it differs: the condition after the last key, and the order.
    pub sqlite_key: Option<(&'static str, &'static str)>,
    /// The INSERT for rows whose columns differ from the values.
    pub sqlite_insert: Option<&'static str>,
    /// The same for PostgreSQL: the columns, and their expressions.
    pub postgres_insert: Option<(&'static str, &'static str)>,
    /// Condition of the rows to copy.
    pub only: &'static str,
}

/// A column.
pub(crate) struct Column {
    pub name: &'static str,
    pub kind: ColumnKind,
    /// Its expression in SQLite.
    pub sqlite: &'static str,
    /// Its expression in PostgreSQL.
    pub postgres: &'static str,
}

const fn column(name: &'static str, kind: ColumnKind) -> Column {
    Column { name, kind, sqlite: name, postgres: name }
}

const fn table(name: &'static str, key: usize, columns: &'static [Column]) -> CopiedTable {
    CopiedTable {
        name,
        key,
        columns,
        is_counted: false,
        sqlite_key: None,
        sqlite_insert: None,
        postgres_insert: None,
        only: "true",
    }
}

/// A table whose first column PostgreSQL generates.
const fn counted(name: &'static str, columns: &'static [Column]) -> CopiedTable {
    CopiedTable { is_counted: true, ..table(name, 1, columns) }
}

/// Columns by name and kind.
macro_rules! columns {
    ($($name:ident $kind:ident),* $(,)?) => { &[$(column(stringify!($name), $kind)),*] };
}

/// All copied tables, referenced ones first. Not copied: nodes, their leases, and the search index, which is rebuilt.
pub(crate) const TABLES: &[CopiedTable] = &[
    CopiedTable { only: "name IN ('sequence', 'off_feed')", ..table("meta", 1, columns![name Text, value Number]) },
    table("settings", 1, columns![name Text, sealed Bytes]),
    table(
        "users",
        1,
        columns![id Bytes, name Text, role Text, password_hash Text, email Text, language Text, time_zone Text, created_at Number],
    ),
    table(
        "sessions",
        1,
        &[
            column("digest", Bytes),
            Column { name: "owner", kind: Bytes, sqlite: "user", postgres: "owner" },
            column("agent", Text),
            column("created_at", Number),
            column("seen_at", Number),
            column("expires_at", Number),
        ],
    ),
    table("tokens", 1, columns![id Bytes, name Text, scope Text, source Bytes, digest Bytes, created_at Number]),
    table(
        "sources",
        1,
        columns![id Bytes, name Text, kind Text, sealed Bytes, time_zone Text, models Text, heard_at Number, created_at Number,
            paused Flag, reference_version Number, seen_version Number],
    ),
    table("remembered", 3, columns![source Bytes, model Text, key Text, record Text]),
    table("customers", 2, columns![source Bytes, code Text, known Text]),
    table("seen", 3, columns![source Bytes, model Text, key Text, day Text, record Text]),
    table("marks", 2, columns![source Bytes, name Text, text Text]),
    table("processed_rows", 3, columns![source Bytes, id Number, mark Number, at Number]),
    counted(
        "endpoints",
        columns![n Number, id Bytes, config Text, sealed Bytes, enabled Flag, paused Flag, disabled_reason Text, health Text,
            created_at Number, updated_at Number, removed_at Number],
    ),
    table(
        "events",
        1,
        columns![n Number, id Bytes, type Text, created Number, arrived_at Number, source Bytes, object Text, label Text, body Bytes],
    ),
    CopiedTable {
        postgres_insert: Some((
            "n, id, event, endpoint, state, reason, lane, attempts, max_attempts, due, leased, created_at, last_at, \
            last_status, last_error, last_ms, ended_at, job, body",
            "n + ((SELECT e.arrived_at FROM events e WHERE e.n = w.event) / 86400000 << 40), id, event, endpoint, state, \
            reason, lane, attempts, max_attempts, due, leased, created_at, last_at, last_status, last_error, last_ms, \
            ended_at, job, body",
        )),
        ..table(
            "deliveries",
            1,
            &[
                Column { name: "n", kind: Number, sqlite: "n", postgres: "n & 1099511627775" },
                column("id", Bytes),
                column("event", Number),
                column("endpoint", Number),
                column("state", Number),
                column("reason", Text),
                column("lane", Number),
                column("attempts", Number),
                column("max_attempts", Number),
                column("due", Number),
                column("leased", Number),
                column("created_at", Number),
                column("last_at", Number),
                column("last_status", Number),
                column("last_error", Text),
                column("last_ms", Number),
                column("ended_at", Number),
                column("job", Number),
                column("body", Bytes),
            ],
        )
    },
    CopiedTable {
        postgres_insert: Some((
            "delivery, n, attempt",
            "(SELECT d.n FROM deliveries d WHERE d.n & 1099511627775 = w.delivery), n, attempt",
        )),
        sqlite_key: Some(("k > (?1 << 16) + ?2", "k")),
        sqlite_insert: Some("INSERT INTO attempts (k, attempt) VALUES ((?1 << 16) + ?2, ?3)"),
        ..table(
            "attempts",
            2,
            &[
                Column { name: "delivery", kind: Number, sqlite: "k >> 16", postgres: "delivery & 1099511627775" },
                Column { name: "n", kind: Number, sqlite: "k & 65535", postgres: "n" },
                // Older versions stored text.
                Column { name: "attempt", kind: Bytes, sqlite: "CAST(attempt AS BLOB)", postgres: "attempt" },
            ],
        )
    },
    table("repeats", 3, columns![token Bytes, kind Number, key Text, digest Bytes, answer Text, at Number]),
    counted("history", columns![n Number, at Number, who Text, action Text, object Text, name Text, details Text]),
    CopiedTable {
        postgres_insert: Some((
            "endpoint, hour, delivered, retried, failed, classes",
            "endpoint, hour, delivered, retried, failed, ARRAY[t0, t1, t2, t3, t4, t5, t6, t7, t8, t9]",
        )),
        ..table(
            "hours",
            2,
            &[
                column("endpoint", Number),
                column("hour", Number),
                column("delivered", Number),
                column("retried", Number),
                column("failed", Number),
                Column { name: "t0", kind: Number, sqlite: "t0", postgres: "classes[1]" },
                Column { name: "t1", kind: Number, sqlite: "t1", postgres: "classes[2]" },
                Column { name: "t2", kind: Number, sqlite: "t2", postgres: "classes[3]" },
                Column { name: "t3", kind: Number, sqlite: "t3", postgres: "classes[4]" },
                Column { name: "t4", kind: Number, sqlite: "t4", postgres: "classes[5]" },
                Column { name: "t5", kind: Number, sqlite: "t5", postgres: "classes[6]" },
                Column { name: "t6", kind: Number, sqlite: "t6", postgres: "classes[7]" },
                Column { name: "t7", kind: Number, sqlite: "t7", postgres: "classes[8]" },
                Column { name: "t8", kind: Number, sqlite: "t8", postgres: "classes[9]" },
                Column { name: "t9", kind: Number, sqlite: "t9", postgres: "classes[10]" },
            ],
        )
    },
    table("notices", 1, columns![object Text, told Text, at Number]),
    CopiedTable {
        postgres_insert: Some((
            "endpoint, status, error, line, attempts, failed, first_at, last_at, delivery, solved_at",
            "endpoint, status, error, line, attempts, failed, first_at, last_at, \
            coalesce((SELECT d.n FROM deliveries d WHERE d.n & 1099511627775 = w.delivery), w.delivery), solved_at",
        )),
        ..table(
            "issues",
            4,
            &[
                column("endpoint", Number),
                column("status", Number),
                column("error", Text),
                column("line", Text),
                column("attempts", Number),
                column("failed", Number),
                column("first_at", Number),
                column("last_at", Number),
                Column { name: "delivery", kind: Number, sqlite: "delivery", postgres: "delivery & 1099511627775" },
                column("solved_at", Number),
            ],
        )
    },
    counted(
        "jobs",
        columns![n Number, about Text, total Number, sent Number, state Text, began_at Number, ended_at Number, resume Text],
    ),
    table("bins", 1, columns![id Bytes, respond Text, received Number, created_at Number, expires_at Number]),
    table("bin_requests", 2, columns![bin Bytes, n Number, at Number, head Text, body Bytes]),
    table(
        "consumers",
        1,
        columns![name Text, types Text, sources Text, position Number, created_at Number, acked_at Number],
    ),
];
