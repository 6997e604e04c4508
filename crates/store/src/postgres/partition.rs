//! Events and their rows are partitioned by the day of the event's arrival: old partitions are dropped whole, which is
//! cheap and leaves no dead rows. The number of a delivery begins with that day.

use gancho_model::Timestamp;
use sqlx::{AssertSqlSafe, Connection as _};

use super::{Db, numbers};
use crate::StoreError;

/// A day, milliseconds.
const DAY_MS: i64 = 24 * 3600 * 1000;
/// The counter bits of a delivery's number; the day is above them.
pub(super) const COUNTED_BITS: u32 = 40;
/// Approximate maximum of partitions within the retention: a query locks each one that it may scan.
const PARTITIONS: i64 = 16;
/// Advisory lock for changing partitions: `ganp`.
const LOCK: i64 = 0x6761_6e70;
/// Before all days.
const ALWAYS: i64 = i64::MIN;

/// The event `e` of a delivery `d`, with partition pruning.
pub(super) const EVENT_OF_DELIVERY: &str =
    "e.n = d.event AND e.arrived_at >= (d.n >> 40) * 86400000 AND e.arrived_at < ((d.n >> 40) + 1) * 86400000";

/// The tables, the key that partitions each, and its storage options.
const TABLES: [(&str, Key, &str); 4] = [
    ("events", Key::Time, ""),
    ("searched", Key::Time, ""),
    ("attempts", Key::Number, ""),
    // Room for updated row versions on the same page; autovacuum starts at few dead rows.
    ("deliveries", Key::Number, "WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05)"),
];

#[derive(Clone, Copy)]
enum Key {
    Time,
    Number,
}

impl Key {
    fn bound(self, day: i64) -> String {
        match self {
            _ if day == ALWAYS => "MINVALUE".to_owned(),
            Self::Time => format!("'{}'", day * DAY_MS),
            Self::Number => format!("'{}'", day << COUNTED_BITS),
        }
    }
}

/// The day of a time.
fn day(at: Timestamp) -> i64 {
    at.ms().div_euclid(DAY_MS)
}

/// The first possible number of deliveries of an event that arrived then.
pub(super) fn first_number(arrived_at: Timestamp) -> i64 {
    day(arrived_at) << COUNTED_BITS
}

/// Days per partition for this retention.
pub(super) fn days_in_partition(retention_ms: i64) -> i64 {
    (retention_ms / DAY_MS / PARTITIONS).max(0) + 1
}

/// A range of days in one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Partition {
    from: i64,
    until: i64,
}

impl Partition {
    fn holds(self, day: i64) -> bool {
        (self.from..self.until).contains(&day)
    }

    /// The name of its partition of a table.
    fn table(self, of: &str) -> String {
        match self.from {
            ALWAYS => format!("{of}_until_day_{}", self.until),
            from => format!("{of}_day_{from}"),
        }
    }

    /// Whether all of it lies before a time.
    fn is_before(self, at: Timestamp) -> bool {
        self.until <= day(at)
    }
}

/// The partition to create for a day without one: this many days, or fewer if the following days have one.
fn missing(known: &[Partition], wanted: i64, days: i64) -> Option<Partition> {
    if known.iter().any(|partition| partition.holds(wanted)) {
        return None;
    }
    let before = known.iter().map(|partition| partition.until).filter(|until| *until <= wanted).max();
    let after = known.iter().map(|partition| partition.from).filter(|from| *from > wanted).min();
    Some(match (before, after) {
        (None, None) => Partition { from: ALWAYS, until: wanted + 1 },
        (None, Some(after)) => Partition { from: ALWAYS, until: after },
        (Some(before), after) => {
            let from = if before + days > wanted { before } else { wanted };
            Partition { from, until: (from + days).min(after.unwrap_or(i64::MAX)) }
        }
    })
}

/// The partitions that this node knows.
pub(super) struct Partitions {
    known: Vec<Partition>,
    /// Days in a new partition.
    days: i64,
}

impl Default for Partitions {
    fn default() -> Self {
        Self { known: vec![], days: 1 }
    }
}

impl Partitions {
    /// Creates missing partitions for these arrival times; in the current transaction.
    pub async fn cover(&mut self, db: &mut Db, times: impl IntoIterator<Item = Timestamp>) -> Result<(), StoreError> {
        let mut covered = None;
        for day in times.into_iter().map(day) {
            if covered.replace(day) != Some(day) && missing(&self.known, day, self.days).is_some() {
                self.make_for(db, day).await?;
            }
        }
        Ok(())
    }

    /// Creates missing partitions for the past months, one week each.
    pub async fn cover_past(&mut self, db: &mut Db, now: Timestamp) -> Result<(), StoreError> {
        const WEEK: i64 = 7;
        self.days = WEEK;
        let weeks = (0..=12).rev().map(|week| now.plus_ms(-week * WEEK * DAY_MS));
        self.cover(db, weeks).await
    }

    /// Creates missing partitions for the near future, sized for this retention.
    pub async fn cover_ahead(&mut self, db: &mut Db, now: Timestamp, retention_ms: i64) -> Result<(), StoreError> {
        self.days = days_in_partition(retention_ms);
        self.cover(db, [now, now.plus_ms(DAY_MS)]).await
    }

    async fn make_for(&mut self, db: &mut Db, day: i64) -> Result<(), StoreError> {
        // Another node may have created it or be creating it.
        run!(db, "SELECT pg_advisory_xact_lock($1)", LOCK);
        self.known = all(db).await?;
        if let Some(partition) = missing(&self.known, day, self.days) {
            make(db, partition).await?;
            self.known.push(partition);
        }
        Ok(())
    }

    /// Clears the cache after a rollback.
    pub fn forget(&mut self) {
        self.known.clear();
    }
}

async fn all(db: &mut Db) -> Result<Vec<Partition>, StoreError> {
    let select = "SELECT from_day, until_day FROM partitions ORDER BY from_day";
    let found = sqlx::query_as::<_, (i64, i64)>(select).persistent(false).fetch_all(db).await?;
    Ok(found.into_iter().map(|(from, until)| Partition { from, until }).collect())
}

/// Creates tables and attaches them: unlike creating partitions in place, this does not wait for readers.
async fn make(db: &mut Db, partition: Partition) -> Result<(), StoreError> {
    for (table, key, options) in TABLES {
        let name = partition.table(table);
        let (from, until) = (key.bound(partition.from), key.bound(partition.until));
        let make = format!(
            "CREATE TABLE {name} (LIKE {table} INCLUDING ALL) {options}; \
            ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ({from}) TO ({until})"
        );
        sqlx::raw_sql(AssertSqlSafe(make)).execute(&mut *db).await?;
    }
    run!(db, "INSERT INTO partitions (from_day, until_day) VALUES ($1, $2)", partition.from, partition.until);
    Ok(())
}

/// Drops partitions of events that arrived before a time. A partition stays for now if it holds a pending delivery or
/// one that expired recently, or if someone reads it (a backup, for example): the drop does not wait for readers.
pub(super) async fn drop_old(db: &mut Db, before: Timestamp, seen_since: Timestamp) -> Result<u64, StoreError> {
    let mut events = 0;
    // In transactions: between two statements a pooler may change the connection.
    let mut looking = db.begin_with(LOOKING).await?;
    let old = all(&mut looking).await?.into_iter().filter(|partition| partition.is_before(before));
    looking.commit().await?;
    for partition in old {
        match drop_one(db, partition, seen_since).await {
            Ok(count) => events += count,
            Err(error) if is_locked(&error) => {
                tracing::info!("old partitions are being read and can't be dropped now; retrying later");
                break;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(events)
}

/// Begins a transaction that reads only.
const LOOKING: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY";

async fn drop_one(db: &mut Db, partition: Partition, seen_since: Timestamp) -> Result<u64, sqlx::Error> {
    let mut transaction = db.begin_with(LOOKING).await?;
    let count = format!("SELECT count(*) FROM {}", partition.table("events"));
    let count =
        sqlx::query_scalar::<_, i64>(AssertSqlSafe(count)).persistent(false).fetch_one(&mut *transaction).await?;
    let deliveries = partition.table("deliveries");
    // Checked before taking the lock: no more deliveries of this partition can expire, so the answer can't become yes.
    let is_shown = format!("SELECT EXISTS (SELECT 1 FROM {deliveries} WHERE state > 1 AND ended_at > $1)");
    let looking = sqlx::query_scalar::<_, bool>(AssertSqlSafe(is_shown)).bind(seen_since.ms()).persistent(false);
    let waits = format!("SELECT EXISTS (SELECT 1 FROM {deliveries} WHERE state = 0)");
    if looking.fetch_one(&mut *transaction).await? || holds(&mut transaction, &waits).await? {
        return Ok(0);
    }
    transaction.commit().await?;
    let mut transaction = db.begin_with("BEGIN ISOLATION LEVEL READ COMMITTED").await?;
    // Queries that arrive meanwhile queue behind this lock for the same time.
    let lock = "SET LOCAL lock_timeout = '100ms'; \
        LOCK TABLE ONLY events, ONLY searched, ONLY attempts, ONLY deliveries IN ACCESS EXCLUSIVE MODE";
    sqlx::raw_sql(lock).execute(&mut *transaction).await?;
    // A delivery may have been resent meanwhile.
    if holds(&mut transaction, &waits).await? {
        transaction.rollback().await?;
        return Ok(0);
    }
    sqlx::raw_sql(numbers::KEEP).execute(&mut *transaction).await?;
    let tables: Vec<String> = TABLES.iter().map(|(table, ..)| partition.table(table)).collect();
    let drop = format!("DROP TABLE {}", tables.join(", "));
    sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut *transaction).await?;
    run!(transaction, "DELETE FROM partitions WHERE from_day = $1", partition.from);
    transaction.commit().await?;
    Ok(count.unsigned_abs())
}

async fn holds(db: &mut Db, question: &str) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(AssertSqlSafe(question)).persistent(false).fetch_one(db).await
}

/// Whether the lock was not available.
fn is_locked(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|error| error.code()).is_some_and(|code| code == "55P03" || code == "40P01")
}

#[cfg(test)]
mod tests {
    use gancho_model::Timestamp;
    use gancho_testkit::{Engine, Instance};
    use sqlx::{Connection as _, PgConnection};

    use super::{ALWAYS, DAY_MS, Partition, Partitions, days_in_partition, drop_old, first_number, missing};
    use crate::{postgres::schema, vault::Vault};

    const fn span(from: i64, until: i64) -> Partition {
        Partition { from, until }
    }

    #[test]
    fn a_day_without_a_partition_gets_one() {
        let known = [span(ALWAYS, 10), span(10, 12), span(20, 22)];
        for (wanted, partition) in [
            (9, None),
            (11, None),
            (14, Some(span(12, 15))),
            (15, Some(span(15, 18))),
            (18, Some(span(18, 20))),
            (22, Some(span(22, 25))),
            (24, Some(span(22, 25))),
            (25, Some(span(25, 28))),
        ] {
            assert_eq!(missing(&known, wanted, 3), partition, "{wanted}");
        }
        assert_eq!(missing(&[], 7, 3), Some(span(ALWAYS, 8)));
        assert_eq!(missing(&known[1..], 3, 3), Some(span(ALWAYS, 10)), "its partition was dropped");
    }

    #[test]
    fn there_are_few_partitions_however_long_events_are_kept() {
        let day = 24 * 3600 * 1000;
        for (kept, days) in [(1, 1), (15, 1), (30, 2), (90, 6), (365, 23)] {
            assert_eq!(days_in_partition(kept * day), days, "{kept}");
        }
    }

    /// One event per day, each with an ended delivery.
    async fn filled(days: &[i64]) -> (gancho_testkit::Database, PgConnection) {
        let database = Instance::shared(Engine::Postgres).blank().await;
        let mut db = PgConnection::connect(&database.url).await.expect("connects");
        schema::migrate(&mut db, &Vault::new(&[1; 32])).await.expect("makes the tables");
        let mut partitions = Partitions::default();
        for (n, day) in days.iter().enumerate() {
            let arrived_at = Timestamp::from_ms(day * DAY_MS);
            partitions.cover(&mut db, [arrived_at]).await.expect("a partition");
            let (n, number) = (n + 1, first_number(arrived_at) + n as i64);
            let rows = format!(
                "INSERT INTO events VALUES ({n}, '\\x{n:032x}', 'a.b', 0, {at}, NULL, NULL, NULL, ''); \
                INSERT INTO deliveries (n, id, event, endpoint, state, lane, attempts, max_attempts, created_at) \
                VALUES ({number}, '\\x{n:032x}', {n}, 1, 1, 0, 1, 6, 0)",
                at = arrived_at.ms()
            );
            database.run(&rows).await;
        }
        (database, db)
    }

    async fn drop_before(db: &mut PgConnection, day: i64) -> u64 {
        drop_old(db, Timestamp::from_ms(day * DAY_MS), Timestamp::from_ms(0)).await.expect("looks")
    }

    #[tokio::test]
    async fn what_is_old_is_dropped_with_all_that_belongs_to_it() {
        let (database, mut db) = filled(&[100, 101, 101, 105]).await;
        assert_eq!(drop_before(&mut db, 101).await, 1);
        assert_eq!(drop_before(&mut db, 101).await, 0);
        assert_eq!(drop_before(&mut db, 104).await, 2);
        assert_eq!(database.number("SELECT count(*) FROM deliveries").await, 1);
        assert_eq!(database.number("SELECT sum(n)::bigint FROM events").await, 4);
        // A partition with a pending or recently expired delivery stays.
        for needed in ["state = 0", "state = 2, ended_at = 1"] {
            database.run(&format!("UPDATE deliveries SET {needed}")).await;
            assert_eq!(drop_before(&mut db, 110).await, 0, "{needed}");
        }
        database.run("UPDATE deliveries SET ended_at = NULL").await;
        assert_eq!(drop_before(&mut db, 110).await, 1);
    }

    #[tokio::test]
    async fn whoever_reads_keeps_old_events_from_being_dropped_and_nobody_waits_for_that() {
        let (database, mut db) = filled(&[100]).await;
        let mut reader = database.client().await;
        reader.run("BEGIN; SELECT count(*) FROM events").await;
        assert_eq!(drop_before(&mut db, 110).await, 0);
        assert_eq!(database.number("SELECT count(*) FROM events").await, 1);
        reader.run("COMMIT").await;
        assert_eq!(drop_before(&mut db, 110).await, 1);
        reader.close().await;
    }
}
