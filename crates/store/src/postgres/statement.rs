//! Short forms for statements: the text, and what is bound to its places in their order.

/// Runs a statement; how many rows it touched.
macro_rules! run {
    ($db:expr, $sql:expr $(, $value:expr)* $(,)?) => {
        sqlx::query($sql).persistent($crate::postgres::connector::keeps_statements())$(.bind($value))*.execute(&mut *$db).await?.rows_affected()
    };
}

/// The first row, if there is one.
macro_rules! first {
    ($db:expr, $sql:expr $(, $value:expr)* $(,)?) => {
        sqlx::query($sql).persistent($crate::postgres::connector::keeps_statements())$(.bind($value))*.fetch_optional(&mut *$db).await?
    };
}

/// All rows.
macro_rules! all {
    ($db:expr, $sql:expr $(, $value:expr)* $(,)?) => {
        sqlx::query($sql).persistent($crate::postgres::connector::keeps_statements())$(.bind($value))*.fetch_all(&mut *$db).await?
    };
}

/// The first column of the first row, if there is one.
macro_rules! scalar {
    ($db:expr, $type:ty, $sql:expr $(, $value:expr)* $(,)?) => {
        sqlx::query_scalar::<_, $type>($sql).persistent($crate::postgres::connector::keeps_statements())$(.bind($value))*.fetch_optional(&mut *$db).await?
    };
}

/// The first column of all rows.
macro_rules! column {
    ($db:expr, $type:ty, $sql:expr $(, $value:expr)* $(,)?) => {
        sqlx::query_scalar::<_, $type>($sql).persistent($crate::postgres::connector::keeps_statements())$(.bind($value))*.fetch_all(&mut *$db).await?
    };
}
