<?php
namespace FacturaScripts\Plugins\Gancho\Outbox;

/**
 * Triggers in PostgreSQL's SQL, identical to those of a database source except for names. Each table has one trigger
 * and a function that is a single expression, and all write through one function, which is compiled once per
 * connection. Errors inside are caught and counted in a sequence, which survives a rollback.
 */
final class PostgresTriggers
{
    public const WRITE = Engine::OURS . 'write';
    private const CAPTURE = Engine::OURS . 'capture_';
    private const ROW = Engine::OURS . 'row';
    /** An outbox with fewer bytes has fewer than `Engine::ROWS_SOME` rows: eight pages. */
    private const FEW_BYTES = 65536;
    public const ARGUMENTS = 'source text, op text, old_row jsonb, new_row jsonb, known text[], hidden text[], noise text[]';
    /** Columns that the outbox fills in itself. No sequence: the ERP reads the key of its own row with lastval(). */
    private const COLUMNS = 'id bigint PRIMARY KEY DEFAULT ((extract(epoch FROM clock_timestamp()) * 1000000)::bigint * 2048 + pg_backend_pid() % 2048), '
        . 'pid int NOT NULL DEFAULT pg_backend_pid(), port int DEFAULT inet_client_port(), tx bigint NOT NULL DEFAULT txid_current(), '
        . 'at timestamptz NOT NULL DEFAULT clock_timestamp(), source text NOT NULL, op text NOT NULL, old_row jsonb, new_row jsonb, secrets text, ' . self::ORIGIN;
    /** Who made the change, as set on the connection; a column default, so it adds no cost to the functions. */
    private const ORIGIN = "origin text DEFAULT nullif(current_setting('gancho.origin', true), '')";
    /** The `tgtype` of a row trigger AFTER INSERT, DELETE and UPDATE, and `tgenabled`: enabled. */
    private const ALL_AFTER = 'O29';

    /** The outbox's columns in order: triggers must not write to one of another version. */
    private const LAYOUT = 'id pid port tx at source op old_row new_row secrets origin';
    /** Columns of an older version's outbox. */
    private const OLDER = 'id pid port tx at source op old_row new_row secrets';

    public function __construct(private Postgres $engine)
    {
    }

    public function parts(CapturePlan $plan): array
    {
        $parts = [
            'table ' . Engine::OUTBOX => ['mark' => self::LAYOUT,
                'older' => [self::OLDER => 'ALTER TABLE ' . $this->engine->at(Engine::OUTBOX) . ' ADD COLUMN ' . self::ORIGIN], 'create' => 'CREATE TABLE IF NOT EXISTS ' . $this->engine->at(Engine::OUTBOX)
                . ' (' . self::COLUMNS . ') WITH (toast_tuple_target = 8160)'],
            'table ' . Engine::SITE => ['mark' => 'source database server made seen', 'create' => 'CREATE TABLE IF NOT EXISTS '
                . $this->engine->at(Engine::SITE) . ' (source text, database text, server text, made text, seen timestamptz)'],
            'sequence ' . Engine::LOST => ['mark' => '', 'create' => 'CREATE SEQUENCE IF NOT EXISTS ' . $this->engine->at(Engine::LOST)],
            'sequence ' . Postgres::DROPPED => ['mark' => '', 'create' => 'CREATE SEQUENCE IF NOT EXISTS ' . $this->engine->at(Postgres::DROPPED)],
        ];
        $parts += $this->function(self::WRITE, self::ARGUMENTS, 'boolean', '', $this->writeBody());
        foreach ($plan->tables as $table => $captured) {
            $rights = "SECURITY DEFINER SET lock_timeout = '250ms' SET search_path = pg_catalog, pg_temp";
            $parts += $this->function(self::captureName($table), '', 'trigger', $rights, $this->capture($table, $captured));
            $parts += $this->trigger($table);
        }
        return $parts;
    }

    /** PostgreSQL truncates longer names. */
    private static function captureName(string $table): string
    {
        return Engine::short(self::CAPTURE . $table, 63);
    }

    private function trigger(string $table): array
    {
        [$name, $on, $function] = [self::ROW, $this->engine->at($this->engine->name($table)), self::captureName($table)];
        $create = "DROP TRIGGER IF EXISTS $name ON $on; CREATE TRIGGER $name AFTER INSERT OR UPDATE OR DELETE ON $on FOR EACH ROW "
            . 'EXECUTE PROCEDURE ' . $this->engine->at($this->engine->name($function)) . '()';
        return ["trigger $name ON $table" => ['create' => $create, 'mark' => self::ALL_AFTER . " $function"]];
    }

    private function function(string $name, string $arguments, string $returns, string $rights, string $body): array
    {
        $at = $this->engine->at($this->engine->name($name));
        $create = "CREATE OR REPLACE FUNCTION $at($arguments) RETURNS $returns LANGUAGE plpgsql $rights AS "
            . "\$ganchoplugin\${$body}\$ganchoplugin\$; REVOKE EXECUTE ON FUNCTION $at($arguments) FROM PUBLIC";
        return ["function $name" => ['create' => $create, 'mark' => $body]];
    }

    /** Whether the outbox is full, or rows were not taken for too long. The rows of a small one are not counted. */
    public function full(): string
    {
        [$outbox, $site] = [$this->engine->at(Engine::OUTBOX), $this->engine->at(Engine::SITE)];
        return "((SELECT max(seen) < now() - interval '" . Engine::DAYS_MAX . " days' FROM $site) "
            . "AND EXISTS (SELECT FROM $outbox OFFSET " . Engine::ROWS_SOME . ')) '
            . "OR (pg_relation_size('$outbox') > 100000000 AND EXISTS (SELECT FROM $outbox OFFSET " . Engine::ROWS_MAX . '))';
    }

    /**
     * Updates that touch only ignored columns are not written; ignored columns are also left out of `old_row`. A column
     * added since is checked by its name, so that a secret is left out before the tables are read again. Whether the
     * outbox is full is checked once per connection, and again while it is so.
     */
    private function writeBody(): string
    {
        $insert = 'INSERT INTO ' . $this->engine->at(Engine::OUTBOX)
            . ' (source, op, old_row, new_row, secrets) '
            . "VALUES (source, op, CASE op WHEN 'UPDATE' THEN old_row - noise ELSE old_row END, new_row, changed)";
        [$full, $dropped, $secret] = [$this->full(), $this->engine->at(Postgres::DROPPED), ErpSchema::secretPattern()];
        [$outbox, $few] = [$this->engine->at(Engine::OUTBOX), self::FEW_BYTES];
        return <<<SQL

DECLARE
    changed text;
BEGIN
    IF old_row - noise = new_row - noise THEN RETURN false; END IF;
    IF coalesce(current_setting('ganchoplugin.full', true), '') <> 'no' THEN
        -- So little is neither: for most connections that is all to be asked.
        IF pg_relation_size('$outbox') < {$few} THEN
            PERFORM set_config('ganchoplugin.full', 'no', false);
        ELSE
            PERFORM set_config('ganchoplugin.full', CASE WHEN $full THEN 'yes' ELSE 'no' END, false);
        END IF;
    END IF;
    IF current_setting('ganchoplugin.full') = 'yes' THEN
        PERFORM nextval('$dropped');
        RETURN false;
    END IF;
    IF hidden IS NOT NULL THEN
        IF op = 'UPDATE' THEN
            SELECT string_agg(name, ' ') INTO changed FROM unnest(hidden) AS name
                WHERE old_row -> name IS DISTINCT FROM new_row -> name;
        END IF;
        old_row := old_row - hidden; new_row := new_row - hidden;
    END IF;
    IF coalesce(new_row, old_row) - known <> '{}' THEN
        SELECT jsonb_object_agg(key, value) INTO old_row FROM jsonb_each(old_row)
            WHERE key !~* '$secret';
        SELECT jsonb_object_agg(key, value) INTO new_row FROM jsonb_each(new_row)
            WHERE key !~* '$secret';
    END IF;
    $insert ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        -- Somebody else had the very same key. The clock has gone on.
        $insert;
    END IF;
    RETURN true;
END
SQL;
    }

    /** `OLD` is null for INSERT, `NEW` for DELETE. */
    private function capture(string $table, array $captured): string
    {
        $columns = array_keys($captured['columns']);
        $known = self::names($columns);
        $noise = self::names(array_filter($columns, fn($column) => ErpSchema::isIgnored($table, $column)));
        $hidden = $captured['secrets'] ? self::names($captured['secrets']) : 'NULL';
        $write = $this->engine->at(self::WRITE) . '(' . Engine::text($table) . ", TG_OP, to_jsonb(OLD), to_jsonb(NEW), $known, $hidden, $noise)";
        $lost = $this->engine->at(Engine::LOST);
        return <<<SQL

DECLARE
    told boolean;
BEGIN
    BEGIN
        told := $write;
    EXCEPTION WHEN OTHERS THEN
        BEGIN
            PERFORM setval('$lost', CASE WHEN is_called THEN last_value + 1 ELSE 1 END) FROM $lost;
        EXCEPTION WHEN OTHERS THEN
            NULL;
        END;
    END;
    -- Outside of the guarded block, whose memory would be kept for each row until the ERP's COMMIT.
    told := told AND pg_notify('ganchoplugin_outbox', '') IS NULL;
    RETURN NEW;
END
SQL;
    }

    /** An array of names. */
    private static function names(array $names): string
    {
        $name = fn($name) => '"' . str_replace(['\\', '"'], ['\\\\', '\\"'], $name) . '"';
        return Engine::text('{' . implode(',', array_map($name, $names)) . '}');
    }
}
