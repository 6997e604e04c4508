<?php
namespace FacturaScripts\Plugins\Gancho\Outbox;

/**
 * Triggers in MariaDB's SQL, word by word those of a source of kind database but for the names. A row is an array,
 * its columns' names one text beside it: MariaDB resolves every item of an expression anew whenever a trigger fires.
 * Every body is guarded by a handler, which leaves a mark in the outbox for what could not be written.
 */
final class MariaDb extends Engine
{
    /** A name for the connection that does not come back when its number does. */
    private const MARK = 'IF @ganchoplugin_mark IS NULL THEN SET @ganchoplugin_mark = UUID(); END IF;';

    public function name(string $name): string
    {
        return '`' . str_replace('`', '``', $name) . '`';
    }

    public function refresh(): void
    {
        $this->db->exec('DO 0');
    }

    public function schema(): array
    {
        $sql = 'SELECT c.TABLE_NAME AS name, c.COLUMN_NAME AS col, c.COLUMN_TYPE AS kind, c.COLUMN_KEY AS part '
            . 'FROM information_schema.COLUMNS c JOIN information_schema.TABLES t ON t.TABLE_SCHEMA = c.TABLE_SCHEMA '
            . "AND t.TABLE_NAME = c.TABLE_NAME WHERE c.TABLE_SCHEMA = DATABASE() AND t.TABLE_TYPE = 'BASE TABLE' "
            . 'ORDER BY c.TABLE_NAME, c.ORDINAL_POSITION';
        $schema = [];
        foreach ($this->db->select($sql) as ['name' => $table, 'col' => $column, 'kind' => $kind, 'part' => $part]) {
            $schema[$table] ??= ['key' => null, 'columns' => []];
            if ($part === 'PRI') {
                // Of a key of several columns none names a row alone.
                $schema[$table]['key'] = $schema[$table]['key'] === null ? $column : '';
            }
            $schema[$table]['columns'][$column] = $kind;
        }
        return array_map(fn($table) => ['key' => $table['key'] ?: null] + $table, $schema);
    }

    public function links(): array
    {
        $sql = 'SELECT k.TABLE_NAME AS child, k.COLUMN_NAME AS col, k.REFERENCED_TABLE_NAME AS parent, '
            . 'k.REFERENCED_COLUMN_NAME AS parent_col, r.DELETE_RULE AS rule FROM information_schema.KEY_COLUMN_USAGE k '
            . 'JOIN information_schema.REFERENTIAL_CONSTRAINTS r ON r.CONSTRAINT_SCHEMA = k.CONSTRAINT_SCHEMA '
            . 'AND r.CONSTRAINT_NAME = k.CONSTRAINT_NAME AND r.TABLE_NAME = k.TABLE_NAME '
            . 'WHERE k.TABLE_SCHEMA = DATABASE() AND k.REFERENCED_TABLE_SCHEMA = DATABASE() '
            . "AND r.DELETE_RULE IN ('CASCADE', 'SET NULL') ORDER BY k.TABLE_NAME, k.CONSTRAINT_NAME";
        return array_map(fn($row) => [
            'child' => $row['child'], 'column' => $row['col'], 'parent' => $row['parent'],
            'parent_column' => $row['parent_col'], 'deletes' => $row['rule'] === 'CASCADE',
        ], $this->db->select($sql));
    }

    public function parts(Plan $plan): array
    {
        $end = 'ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin';
        $parts = [
            'table ' . self::OUTBOX => ['mark' => '', 'create' => 'CREATE TABLE IF NOT EXISTS ' . self::OUTBOX
                . ' (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, mark CHAR(36) NOT NULL, conn BIGINT UNSIGNED NOT NULL, '
                . 'at DATETIME(6) NOT NULL, source VARCHAR(64) NOT NULL, op CHAR(1) NOT NULL, columns TEXT, old_row LONGTEXT, '
                . "new_row LONGTEXT, secrets TEXT) $end"],
            'table ' . self::LOST => ['mark' => '', 'create' => 'CREATE TABLE IF NOT EXISTS ' . self::LOST
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

    private function trigger(string $kind, string $table, string $when, string $statements): array
    {
        $name = self::OURS . "{$kind}_$table";
        $body = 'BEGIN ' . $this->guard($table) . " $statements END";
        $create = "CREATE OR REPLACE TRIGGER {$this->name($name)} $when ON {$this->name($table)} FOR EACH ROW $body";
        return ["trigger $name" => ['create' => $create, 'mark' => $body]];
    }

    /** Whatever goes wrong is caught, and marked; whatever goes wrong with that is caught too. */
    private function guard(string $table): string
    {
        return 'DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END; '
            . 'INSERT INTO ' . self::OUTBOX . " (mark, conn, at, source, op) VALUES ('', 0, UTC_TIMESTAMP(6), "
            . self::text($table) . ", 'X'); END;";
    }

    private function inserted(Plan $plan, string $table): string
    {
        return self::MARK . ' ' . $this->write($plan, $table, 'I', 'NULL', $this->row($plan, $table, 'NEW'), 'NULL');
    }

    /**
     * An update that changes nothing, or nothing but what is no news, is not written, and costs the ERP little.
     * Compared as bytes: to a column's own collation `García` and `garcia` may be the same.
     */
    private function updated(Plan $plan, string $table): string
    {
        $news = fn($row) => $this->array(array_map(fn($column) => $this->value($row, $column), $this->news($plan, $table)));
        [$old, $new] = [$news('OLD'), $news('NEW')];
        $changed = fn($column) => "IF(BINARY {$this->value('OLD', $column)} <=> BINARY {$this->value('NEW', $column)}, NULL, "
            . self::text($column) . ')';
        $hidden = implode(', ', array_map($changed, $plan->tables[$table]['secrets']));
        $secrets = $hidden === '' ? 'NULL' : "CONCAT_WS(' ', $hidden)";
        $orSecret = $hidden === '' ? '' : " OR $secrets <> ''";
        $write = $this->write($plan, $table, 'U', $old, $this->row($plan, $table, 'NEW'), $secrets);
        return "IF BINARY $old <> BINARY $new$orSecret THEN " . self::MARK . " $write END IF;";
    }

    /** The row itself, then what foreign keys take along. */
    private function deleted(Plan $plan, string $table): string
    {
        $own = isset($plan->tables[$table]) ? $this->write($plan, $table, 'D', $this->row($plan, $table, 'OLD'), 'NULL', 'NULL') : '';
        $taken = array_map(fn($way) => $this->cascade($plan, $way), $plan->cascades[$table] ?? []);
        return self::MARK . " $own " . implode(' ', $taken);
    }

    /** The rows at the end of a way of foreign keys, deleted or unlinked. */
    private function cascade(Plan $plan, array $way): string
    {
        $last = $way[count($way) - 1];
        $which = 'OLD.' . $this->name($way[0]['parent_column']);
        for ($step = 0; $step + 1 < count($way); $step++) {
            $key = $this->name($way[$step + 1]['parent_column']);
            $which = "(SELECT $key FROM {$this->name($way[$step]['child'])} WHERE {$this->name($way[$step]['column'])} IN ($which))";
        }
        $child = $last['child'];
        $old = $this->row($plan, $child, 't');
        [$op, $new] = $last['deletes'] ? ['D', 'NULL'] : ['U', $this->row($plan, $child, 't', $last['column'])];
        $write = $this->write($plan, $child, $op, 'r.old_row', 'r.new_row', 'NULL');
        return "FOR r IN (SELECT $old AS old_row, $new AS new_row FROM {$this->name($child)} AS t "
            . "WHERE t.{$this->name($last['column'])} IN ($which)) DO $write END FOR;";
    }

    private function write(Plan $plan, string $table, string $op, string $old, string $new, string $secrets): string
    {
        $columns = json_encode($this->columns($plan, $table), JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES);
        return 'INSERT INTO ' . self::OUTBOX . ' (mark, conn, at, source, op, columns, old_row, new_row, secrets) '
            . 'VALUES (@ganchoplugin_mark, CONNECTION_ID(), UTC_TIMESTAMP(6), ' . self::text($table)
            . ", '$op', " . self::text($columns) . ", $old, $new, $secrets);";
    }

    /** @return string[] columns that are news, then those of which a change alone is none */
    private function columns(Plan $plan, string $table): array
    {
        $news = $this->news($plan, $table);
        return [...$news, ...array_values(array_diff(array_keys($plan->tables[$table]['columns']), $news))];
    }

    /** @return string[] */
    private function news(Plan $plan, string $table): array
    {
        $isNews = fn($column) => !Facts::isNoise($table, $column);
        return array_values(array_filter(array_keys($plan->tables[$table]['columns']), $isNews));
    }

    /** A row's values in the order of the names beside it; one column perhaps as null. */
    private function row(Plan $plan, string $table, string $row, ?string $without = null): string
    {
        $value = fn($column) => $column === $without ? 'NULL' : $this->value($row, $column);
        return $this->array(array_map($value, $this->columns($plan, $table)));
    }

    private function value(string $row, string $column): string
    {
        return "$row." . $this->name($column);
    }

    private function array(array $values): string
    {
        return 'JSON_ARRAY(' . implode(', ', $values) . ')';
    }

    public function installed(): array
    {
        $found = [];
        $tables = 'SELECT TABLE_NAME AS name FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() '
            . "AND TABLE_NAME IN ('" . self::OUTBOX . "', '" . self::LOST . "')";
        foreach ($this->db->select($tables) as $row) {
            $found['table ' . $row['name']] = '';
        }
        $triggers = 'SELECT TRIGGER_NAME AS name, ACTION_STATEMENT AS body FROM information_schema.TRIGGERS '
            . "WHERE TRIGGER_SCHEMA = DATABASE() AND TRIGGER_NAME LIKE 'ganchoplugin\\_%'";
        foreach ($this->db->select($triggers) as $row) {
            $found['trigger ' . $row['name']] = $row['body'];
        }
        return $found;
    }

    public function dropOf(string $name): string
    {
        [$kind, $thing] = explode(' ', $name, 2);
        return 'DROP ' . strtoupper($kind) . ' IF EXISTS ' . $this->name($thing);
    }

    public function isWaiting(): bool
    {
        return (bool)$this->db->select('SELECT 1 AS n FROM ' . self::OUTBOX . ' LIMIT 1');
    }

    public function look(int $limit): array
    {
        $epoch = "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', ";
        $now = (int)$this->db->select("SELECT $epoch UTC_TIMESTAMP(6)) DIV 1000 AS ms")[0]['ms'];
        // Before the rows: who is gone by then has left all its rows to be seen. An account sees its own connections.
        $connected = array_flip(array_column($this->db->select('SELECT ID AS id FROM information_schema.PROCESSLIST'), 'id'));
        [$which, $more] = $this->fitting($limit);
        $select = "SELECT id, mark, conn, $epoch at) DIV 1000 AS at_ms, source, op, columns, old_row, new_row, secrets FROM "
            . self::OUTBOX . " WHERE $which ORDER BY id";
        $rows = [];
        foreach ($this->db->select($select) as $row) {
            if ($row['op'] === 'X') {
                $this->countLost($row);
                continue;
            }
            $columns = json_decode((string)$row['columns'], true);
            $rows[] = [
                'id' => (int)$row['id'], 'mark' => $row['mark'], 'tx' => null, 'at_ms' => (int)$row['at_ms'],
                'table' => $row['source'], 'op' => $row['op'], 'old' => self::named($columns, $row['old_row']),
                'new' => self::named($columns, $row['new_row']), 'secrets' => preg_split('/ /', (string)$row['secrets'], -1, PREG_SPLIT_NO_EMPTY),
                'busy' => false, 'gone' => (int)$row['at_ms'] < $now && !isset($connected[$row['conn']]),
            ];
        }
        return ['now_ms' => $now, 'rows' => $rows, 'more' => $more];
    }

    /** A row of which names and values stand apart, unless a model wrote it; the values may end before the names do. */
    private static function named(?array $columns, ?string $row): ?array
    {
        $values = self::decoded($row);
        return $columns === null || $values === null ? $values : array_combine(array_slice($columns, 0, count($values)), $values);
    }

    protected function length(): string
    {
        return 'COALESCE(LENGTH(old_row), 0) + COALESCE(LENGTH(new_row), 0)';
    }

    public function patience(?int $seconds): void
    {
        $this->db->exec('SET lock_wait_timeout = ' . ($seconds ?? 'DEFAULT'));
    }

    /** A right, and with binary logging one more: tried on a table of our own. MySQL has not all that our triggers need. */
    public function mayMakeTriggers(Plan $plan): bool
    {
        if (!str_contains((string)($this->db->select('SELECT VERSION() AS v')[0]['v'] ?? ''), 'MariaDB')) {
            return false;
        }
        $this->db->exec('CREATE TABLE IF NOT EXISTS ganchoplugin_try (n int)');
        $may = $this->db->exec('CREATE OR REPLACE TRIGGER ganchoplugin_try AFTER INSERT ON ganchoplugin_try FOR EACH ROW BEGIN END');
        $this->db->exec('DROP TABLE IF EXISTS ganchoplugin_try');
        return $may;
    }

    private function countLost(array $row): void
    {
        $this->db->exec('INSERT INTO ' . self::LOST . ' (source, count) VALUES (' . self::text($row['source'])
            . ', 1) ON DUPLICATE KEY UPDATE count = count + 1');
        $this->remove([(int)$row['id']]);
    }

    public function lost(): int
    {
        return (int)($this->db->select('SELECT SUM(count) AS n FROM ' . self::LOST)[0]['n'] ?? 0);
    }

    public function insert(string $table, string $op, ?array $old, ?array $new, array $secrets): string
    {
        $json = fn(?array $row) => $row === null ? 'NULL' : "'" . $this->db->escapeString(self::encoded($row)) . "'";
        return "SET @ganchoplugin_mark = IFNULL(@ganchoplugin_mark, UUID()); "
            . 'INSERT INTO ' . self::OUTBOX . ' (mark, conn, at, source, op, old_row, new_row, secrets) '
            . 'VALUES (@ganchoplugin_mark, CONNECTION_ID(), UTC_TIMESTAMP(6), ' . self::text($table)
            . ", '$op', {$json($old)}, {$json($new)}, " . self::text(implode(' ', $secrets)) . ')';
    }
}
