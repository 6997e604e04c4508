<?php
namespace FacturaScripts\Plugins\Gancho\Outbox;

/**
 * Triggers in MariaDB's SQL, identical to those of a database source except for names. A row is an array, with its
 * columns' names as one text beside it: MariaDB resolves every item of an expression anew whenever a trigger fires. A
 * handler in every body leaves a marker in the outbox for what could not be written.
 */
final class MariaDbTriggers
{
    /**
     * Whether the outbox is full, or rows were not taken for too long: checked once per connection, and again while it
     * is so; the check reads no row, so it never waits for locks. Then a name for the connection that is not reused
     * with its number; and, in `@ganchoplugin_tx`, its transaction: 0 for none, else a name, or -1 if the last check is
     * less than 200 ms old. The sum of these counters is constant within a transaction and rises with the next; reading
     * it takes 0.12 ms.
     */
    private const MARK = 'IF IFNULL(@ganchoplugin_full, 1) > 0 THEN SET @ganchoplugin_mark = IFNULL(@ganchoplugin_mark, UUID()), '
        . '@ganchoplugin_full = IFNULL((' . self::FULL . '), 0); '
        . 'IF @ganchoplugin_full = 0 AND (' . self::SOME . ') AND (' . self::FORSAKEN . ') THEN SET @ganchoplugin_full = 1; END IF; END IF; '
        . 'IF NOT @@in_transaction THEN SET @ganchoplugin_tx = 0; '
        . 'ELSEIF @@timestamp - @ganchoplugin_read BETWEEN 0 AND 0.2 THEN SET @ganchoplugin_tx = -1; '
        . 'ELSE SET @ganchoplugin_read = @@timestamp, @ganchoplugin_tx = (' . self::COUNTERS . '); END IF;';
    /** 1 if the outbox is full by the server's own estimate, 2 if not even markers are written any more. */
    public const FULL = 'SELECT (TABLE_ROWS > ' . Engine::ROWS_MAX . ') + (TABLE_ROWS > ' . 2 * Engine::ROWS_MAX . ') FROM information_schema.TABLES '
        . "WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '" . Engine::OUTBOX . "'";
    /** Whether it has so many rows that its age matters: an ERP unused for long has few. */
    public const SOME = 'SELECT TABLE_ROWS > ' . Engine::ROWS_SOME . " FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '"
        . Engine::OUTBOX . "'";
    /** Whether rows were not taken for too long. */
    public const FORSAKEN = "SELECT SUBSTRING_INDEX(TABLE_COMMENT, ' ', 1) + " . Engine::DAYS_MAX * 24 * 3600 . ' < UNIX_TIMESTAMP() '
        . "FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '" . Engine::SITE . "'";
    public const COUNTERS = 'SELECT 1 + SUM(VARIABLE_VALUE) FROM information_schema.SESSION_STATUS '
        . "WHERE VARIABLE_NAME IN ('COM_BEGIN', 'COM_COMMIT', 'COM_ROLLBACK', 'COM_XA_START')";

    /** The outbox's columns in order: triggers must not write to one of another version. */
    private const LAYOUT = 'id mark conn at source op columns old_row new_row secrets tx origin';
    /** Columns of older versions' outboxes, and the statements that add the others. Their rows are still submitted. */
    private const OLDER = [
        'id mark conn at source op columns old_row new_row secrets' => 'ALTER TABLE ' . Engine::OUTBOX . ' ADD COLUMN tx BIGINT, ADD COLUMN origin TEXT',
        'id mark conn at source op columns old_row new_row secrets tx' => 'ALTER TABLE ' . Engine::OUTBOX . ' ADD COLUMN origin TEXT',
    ];

    /** Spatial types: captured as text, `POINT(1 2)`. */
    private const SHAPES = ['geometry', 'point', 'linestring', 'polygon', 'multipoint', 'multilinestring', 'multipolygon', 'geometrycollection'];

    /** @param string $account the triggers' definer, `user@host` */
    public function __construct(private Engine $engine, private string $account)
    {
    }

    public function parts(CapturePlan $plan): array
    {
        $end = 'ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin';
        $parts = [
            'table ' . Engine::OUTBOX => ['mark' => self::LAYOUT, 'older' => self::OLDER, 'create' => 'CREATE TABLE IF NOT EXISTS ' . Engine::OUTBOX
                . ' (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, mark CHAR(36) NOT NULL, conn BIGINT UNSIGNED NOT NULL, '
                . 'at DATETIME(6) NOT NULL, source VARCHAR(64) NOT NULL, op CHAR(1) NOT NULL, columns TEXT, old_row LONGTEXT, '
                . "new_row LONGTEXT, secrets TEXT, tx BIGINT, origin TEXT) $end"],
            'table ' . Engine::LOST => ['mark' => '', 'create' => 'CREATE TABLE IF NOT EXISTS ' . Engine::LOST
                . " (source VARCHAR(64) PRIMARY KEY, count BIGINT UNSIGNED NOT NULL) $end"],
        ];
        foreach (array_keys($plan->tables) as $table) {
            $parts += $this->trigger('i', $table, 'AFTER INSERT', $this->inserted($plan, $table));
            $parts += $this->trigger('u', $table, 'AFTER UPDATE', $this->updated($plan, $table));
        }
        $deleting = array_unique([...array_keys($plan->tables), ...array_keys($plan->cascades)]);
        sort($deleting, SORT_STRING);
        foreach ($deleting as $table) {
            $parts += $this->trigger('d', $table, 'BEFORE DELETE', $this->deleted($plan, $table));
        }
        return $parts;
    }

    /** The definer is explicit: triggers run as this account, regardless of who runs the statement. */
    private function trigger(string $kind, string $table, string $when, string $statements): array
    {
        // MariaDB limits names to 64 characters.
        $name = Engine::short(Engine::OURS . "{$kind}_$table", 64);
        $body = 'BEGIN ' . $this->guard($table) . " $statements END";
        $at = strrpos($this->account, '@');
        $definer = $this->engine->name(substr($this->account, 0, $at)) . '@' . $this->engine->name(substr($this->account, $at + 1));
        $create = "CREATE OR REPLACE DEFINER=$definer TRIGGER {$this->engine->name($name)} $when ON {$this->engine->name($table)} "
            . "FOR EACH ROW $body";
        return ["trigger $name" => ['create' => $create, 'mark' => "{$this->account} $when $table $body"]];
    }

    /** Catches every error and leaves a marker; an error while doing so is caught too. */
    private function guard(string $table): string
    {
        return 'DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END; '
            . 'INSERT INTO ' . Engine::OUTBOX . " (mark, conn, at, source, op) VALUES ('', 0, UTC_TIMESTAMP(6), "
            . self::text($table) . ", 'X'); END;";
    }

    private function inserted(CapturePlan $plan, string $table): string
    {
        return self::MARK . ' ' . $this->write($plan, $table, 'I', 'NULL', $this->row($plan, $table, 'NEW'), 'NULL');
    }

    /**
     * Updates that change nothing, or only ignored columns, are not written and cost the ERP little. The comparison is
     * binary: a column's own collation may treat `García` and `garcia` as equal.
     */
    private function updated(CapturePlan $plan, string $table): string
    {
        $news = fn($row) => $this->array(array_map(fn($column) => $this->value($plan, $table, $row, $column), $this->news($plan, $table)));
        [$old, $new] = [$news('OLD'), $news('NEW')];
        $changed = fn($column) => "IF(BINARY {$this->value($plan, $table, 'OLD', $column)} <=> BINARY {$this->value($plan, $table, 'NEW', $column)}, NULL, "
            . self::text($column) . ')';
        $hidden = implode(', ', array_map($changed, $plan->tables[$table]['secrets']));
        $secrets = $hidden === '' ? 'NULL' : "CONCAT_WS(' ', $hidden)";
        $orSecret = $hidden === '' ? '' : " OR $secrets <> ''";
        $write = $this->write($plan, $table, 'U', $old, $this->row($plan, $table, 'NEW'), $secrets);
        return "IF IFNULL(BINARY $old <> BINARY $new, TRUE)$orSecret THEN " . self::MARK . " $write END IF;";
    }

    /** The row itself, then cascades of foreign keys. */
    private function deleted(CapturePlan $plan, string $table): string
    {
        $own = isset($plan->tables[$table]) ? $this->write($plan, $table, 'D', $this->row($plan, $table, 'OLD'), 'NULL', 'NULL') : '';
        $taken = array_map(fn($way) => $this->cascade($plan, $way), $plan->cascades[$table] ?? []);
        return self::MARK . " $own " . implode(' ', $taken);
    }

    /** The rows at the end of a chain of foreign keys, deleted or unlinked. */
    private function cascade(CapturePlan $plan, array $way): string
    {
        $last = $way[count($way) - 1];
        $which = 'OLD.' . $this->engine->name($way[0]['parent_column']);
        for ($step = 0; $step + 1 < count($way); $step++) {
            $key = $this->engine->name($way[$step + 1]['parent_column']);
            $which = "(SELECT $key FROM {$this->engine->name($way[$step]['child'])} WHERE {$this->engine->name($way[$step]['column'])} IN ($which))";
        }
        $child = $last['child'];
        $old = $this->row($plan, $child, 't');
        [$op, $new] = $last['deletes'] ? ['D', 'NULL'] : ['U', $this->row($plan, $child, 't', $last['column'])];
        $write = $this->write($plan, $child, $op, 'r.old_row', 'r.new_row', 'NULL');
        return "FOR r IN (SELECT $old AS old_row, $new AS new_row FROM {$this->engine->name($child)} AS t "
            . "WHERE t.{$this->engine->name($last['column'])} IN ($which)) DO $write END FOR;";
    }

    private function write(CapturePlan $plan, string $table, string $op, string $old, string $new, string $secrets): string
    {
        $columns = json_encode($this->columns($plan, $table), JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES);
        $name = self::text($table);
        return 'IF @ganchoplugin_full = 0 THEN INSERT INTO ' . Engine::OUTBOX . ' (mark, conn, at, source, op, columns, old_row, new_row, secrets, tx, origin) '
            . "VALUES (@ganchoplugin_mark, CONNECTION_ID(), UTC_TIMESTAMP(6), $name, '$op', " . self::text($columns) . ", $old, $new, $secrets, @ganchoplugin_tx, @gancho_origin); "
            . 'ELSEIF @ganchoplugin_full = 1 THEN INSERT INTO ' . Engine::OUTBOX . " (mark, conn, at, source, op) VALUES ('', 0, UTC_TIMESTAMP(6), $name, 'F'); END IF;";
    }

    /** @return string[] compared columns, then ignored ones */
    private function columns(CapturePlan $plan, string $table): array
    {
        $news = $this->news($plan, $table);
        return [...$news, ...array_values(array_diff(array_keys($plan->tables[$table]['columns']), $news))];
    }

    /** @return string[] */
    private function news(CapturePlan $plan, string $table): array
    {
        $isNews = fn($column) => !ErpSchema::isIgnored($table, $column);
        return array_values(array_filter(array_keys($plan->tables[$table]['columns']), $isNews));
    }

    /** A row's values in the order of the names; one column may be replaced by null. */
    private function row(CapturePlan $plan, string $table, string $row, ?string $without = null): string
    {
        $value = fn($column) => $column === $without ? 'NULL' : $this->value($plan, $table, $row, $column);
        return $this->array(array_map($value, $this->columns($plan, $table)));
    }

    /** A quoted string with escaped backslashes. */
    private static function text(string $text): string
    {
        return "'" . str_replace(['\\', "'"], ['\\\\', "''"], $text) . "'";
    }

    /**
     * A column's value as valid JSON: MariaDB writes bits raw and numbers with leading zeros, has no characters for
     * bytes, and does not mix charsets. Bytes are encoded as in PostgreSQL.
     */
    private function value(CapturePlan $plan, string $table, string $row, string $column): string
    {
        $value = "$row." . $this->engine->name($column);
        $kind = $plan->tables[$table]['columns'][$column] ?? '';
        $word = preg_split('/[( ]/', $kind)[0];
        // The rest after the length or the enumerated values.
        $rest = substr(strrchr(")$kind", ')'), 1);
        return match (true) {
            $word === 'bit' => "$value + 0",
            in_array($word, ['year', 'inet4', 'inet6', 'uuid'], true) || str_contains($rest, ' zerofill') => "CAST($value AS CHAR)",
            preg_match('/^(tiny|medium|long)?blob$|^(var)?binary$|^vector$/', $word) === 1
                => "CONCAT(CHAR(92 USING utf8mb4), 'x', LOWER(HEX($value)))",
            in_array($word, self::SHAPES, true) => "ST_AsText($value)",
            str_contains($rest, ' charset ') => "CONVERT($value USING utf8mb4)",
            default => $value,
        };
    }

    /** Built as text: after an array once became too large, MariaDB 10.11 returns only NULL for it. */
    private function array(array $values): string
    {
        return 'CONCAT(JSON_ARRAY(' . implode(', ', $values) . '))';
    }
}
