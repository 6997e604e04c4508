//! Macros for statements: the text, and the values bound to its parameters in order.

/// Runs a statement; returns the number of rows affected.
macro_rules! run {
    ($db:expr, $sql:expr $(, $value:expr)* $(,)?) => {
        sqlx::query($sql).persistent($crate::postgres::connector::keeps_statements())$(.bind($value))*.execute(&mut *$db).await?.rows_affected()
    };
}

/// The first row, if any.
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

/// The first column of the first row, if any.
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
