-- Parts of words are found by an index where the database has one for that (pg_trgm, which PostgreSQL brings along); else rows are
-- looked through.
DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
    CREATE INDEX searched_by_part ON searched USING gin (text gin_trgm_ops);
EXCEPTION WHEN OTHERS THEN
    RAISE NOTICE 'searching goes without an index: %', SQLERRM;
END
$$;
