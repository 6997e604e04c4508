<?php
namespace FacturaScripts\Plugins\Gancho\Outbox;

/** MariaDB; also MySQL, with models instead of triggers. */
final class MariaDb extends Engine
{
    private ?bool $isMariaDb = null;

    public function name(string $name): string
    {
        return '`' . str_replace('`', '``', $name) . '`';
    }

    public function refresh(): void
    {
        $this->db->exec('DO 0');
    }

    /**
     * MariaDB silently omits tables that are being altered from information_schema, for an instant even their names
     * (see Install). So every listed name must have columns.
     */
    public function schema(): array
    {
        for ($try = 1; ; $try++) {
            $schema = $this->columns();
            $kinds = array_column($this->db->select('SELECT TABLE_NAME AS name, TABLE_TYPE AS kind FROM information_schema.TABLES '
                . 'WHERE TABLE_SCHEMA = DATABASE()'), 'kind', 'name');
            $tables = array_filter($kinds, fn($kind) => $kind === null || in_array($kind, ['BASE TABLE', 'SYSTEM VERSIONED'], true));
            $schema = array_diff_key($schema, array_diff_key($kinds, $tables));
            $isWhole = !in_array(null, $tables, true) && !array_diff_key($tables, $schema) && !array_diff_key($schema, $tables);
            // A table that can't be opened for so long is broken or altered all the time.
            if ($isWhole || $try === 20) {
                $this->isPartial = !$isWhole;
                return $schema;
            }
            usleep(50000);
        }
    }

    private function columns(): array
    {
        $sql = 'SELECT c.TABLE_NAME AS name, c.COLUMN_NAME AS col, CONCAT(c.COLUMN_TYPE, '
            . "IF(c.CHARACTER_SET_NAME IS NULL OR c.CHARACTER_SET_NAME IN ('utf8mb4', 'utf8mb3', 'utf8', 'ascii'), '', "
            . "CONCAT(' charset ', c.CHARACTER_SET_NAME))) AS kind, c.COLUMN_KEY AS part, c.EXTRA AS extra, coalesce(c.GENERATION_EXPRESSION, '') AS expression "
            . "FROM information_schema.COLUMNS c WHERE c.TABLE_SCHEMA = DATABASE() AND coalesce(c.GENERATION_EXPRESSION, '') NOT IN ('ROW START', 'ROW END') "
            . 'ORDER BY c.TABLE_NAME, c.ORDINAL_POSITION';
        [$schema, $counted, $computed] = [[], [], []];
        foreach ($this->db->select($sql) as $row) {
            ['name' => $table, 'col' => $column, 'extra' => $extra] = $row;
            $schema[$table] ??= ['key' => [], 'columns' => []];
            if ($row['part'] === 'PRI') {
                $schema[$table]['key'][] = $column;
            }
            if (stripos($extra, 'AUTO_INCREMENT') !== false) {
                $counted[$table] = "`$column`";
            }
            if (stripos($extra, 'VIRTUAL') !== false) {
                $computed[] = [$table, $column, $row['expression']];
            }
            $schema[$table]['columns'][$column] = $row['kind'];
        }
        foreach ($computed as [$table, $column, $expression]) {
            // A column computed from the auto-increment number is still unknown when the INSERT trigger runs.
            if (isset($counted[$table]) && str_contains($expression, $counted[$table])) {
                unset($schema[$table]['columns'][$column]);
            }
        }
        return $schema;
    }

    public function links(): array
    {
        $sql = 'SELECT k.TABLE_NAME AS child, k.COLUMN_NAME AS col, k.REFERENCED_TABLE_NAME AS parent, '
            . 'k.REFERENCED_COLUMN_NAME AS parent_col, r.DELETE_RULE AS rule FROM information_schema.KEY_COLUMN_USAGE k '
            . 'JOIN information_schema.REFERENTIAL_CONSTRAINTS r ON r.CONSTRAINT_SCHEMA = DATABASE() '
            . 'AND r.CONSTRAINT_NAME = k.CONSTRAINT_NAME AND r.TABLE_NAME = k.TABLE_NAME '
            . 'WHERE k.TABLE_SCHEMA = DATABASE() AND k.REFERENCED_TABLE_SCHEMA = DATABASE() '
            . "AND r.DELETE_RULE IN ('CASCADE', 'SET NULL') ORDER BY k.TABLE_NAME, k.CONSTRAINT_NAME";
        return array_map(fn($row) => [
            'child' => $row['child'], 'column' => $row['col'], 'parent' => $row['parent'],
            'parent_column' => $row['parent_col'], 'deletes' => $row['rule'] === 'CASCADE',
        ], $this->db->select($sql));
    }

    public function parts(CapturePlan $plan): array
    {
        $account = (string)($this->db->select('SELECT CURRENT_USER() AS account')[0]['account'] ?? '@');
        return (new MariaDbTriggers($this, $account))->parts($plan);
    }

    public function installed(): array
    {
        $found = [];
        $tables = "SELECT TABLE_NAME AS name, GROUP_CONCAT(COLUMN_NAME ORDER BY ORDINAL_POSITION SEPARATOR ' ') AS columns "
            . "FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN ('" . self::OUTBOX . "', '"
            . self::LOST . "', '" . self::SITE . "') GROUP BY TABLE_NAME";
        foreach ($this->db->select($tables) as $row) {
            $found['table ' . $row['name']] = $row['name'] === self::OUTBOX ? $row['columns'] : '';
        }
        // With definer, timing and table: a table may have been renamed.
        $triggers = 'SELECT TRIGGER_NAME AS name, CONCAT(DEFINER, \' \', ACTION_TIMING, \' \', EVENT_MANIPULATION, \' \', '
            . 'EVENT_OBJECT_TABLE, \' \', ACTION_STATEMENT) AS body FROM information_schema.TRIGGERS '
            . "WHERE EVENT_OBJECT_SCHEMA = DATABASE() AND TRIGGER_NAME LIKE 'ganchoplugin\\_%'";
        foreach ($this->db->select($triggers) as $row) {
            $found['trigger ' . $row['name']] = $row['body'];
        }
        return $found;
    }

    public function tablesOf(array $triggers): array
    {
        $select = "SELECT CONCAT('trigger ', TRIGGER_NAME) AS name, EVENT_OBJECT_TABLE AS tab FROM information_schema.TRIGGERS "
            . "WHERE EVENT_OBJECT_SCHEMA = DATABASE() AND TRIGGER_NAME LIKE 'ganchoplugin\\_%'";
        return array_intersect_key(array_column($this->db->select($select), 'tab', 'name'), array_flip($triggers));
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

    public function newest(): int
    {
        return (int)($this->db->select('SELECT COALESCE(MAX(id), 0) AS n FROM ' . self::OUTBOX)[0]['n'] ?? 0);
    }

    public function look(int $limit): array
    {
        $epoch = "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', ";
        $now = (int)$this->db->select("SELECT $epoch UTC_TIMESTAMP(6)) DIV 1000 AS ms")[0]['ms'];
        // Before reading rows: connections gone by then have committed all their rows. An account sees its own
        // connections.
        $connected = array_flip(array_column($this->db->select('SELECT ID AS id FROM information_schema.PROCESSLIST'), 'id'));
        [$which, $more, $largest] = $this->fitting($limit);
        $select = "SELECT id, mark, conn, $epoch at) DIV 1000 AS at_ms, source, op, columns, old_row, new_row, secrets, tx, origin FROM "
            . self::OUTBOX . " WHERE $which ORDER BY id";
        $rows = [];
        foreach ($this->db->select($select) as $row) {
            $columns = json_decode((string)$row['columns'], true);
            $rows[] = [
                'id' => (int)$row['id'], 'mark' => $row['mark'], 'tx' => $row['tx'] === null ? null : (string)$row['tx'], 'at_ms' => (int)$row['at_ms'],
                'table' => $row['source'], 'op' => $row['op'], 'old' => self::named($columns, $row['old_row']),
                'new' => self::named($columns, $row['new_row']), 'secrets' => preg_split('/ /', (string)$row['secrets'], -1, PREG_SPLIT_NO_EMPTY),
                'busy' => false, 'gone' => (int)$row['at_ms'] < $now && !isset($connected[$row['conn']]), 'origin' => $row['origin'],
            ];
        }
        return ['now_ms' => $now, 'rows' => $this->whole($rows), 'more' => $more, 'largest' => $largest];
    }

    /** A row with separate names and values, unless a model wrote it; there may be fewer values than names. */
    private static function named(?array $columns, ?string $row): ?array
    {
        $values = self::decoded($row);
        if ($columns === null || $values === null) {
            return $values;
        }
        return count($values) > count($columns) ? null : array_combine(array_slice($columns, 0, count($values)), $values);
    }

    protected function length(): string
    {
        return 'COALESCE(LENGTH(old_row), 0) + COALESCE(LENGTH(new_row), 0)';
    }

    public function patience(?int $seconds): void
    {
        $this->db->exec('SET lock_wait_timeout = ' . ($seconds ?? 'DEFAULT'));
        // Triggers keep the `sql_mode` of their creation: the server's own, such as ORACLE, could change their meaning.
        // The ERP's mode is restored.
        $this->db->exec($seconds === null ? 'SET sql_mode = @ganchoplugin_mode'
            : "SET @ganchoplugin_mode = @@sql_mode, sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION'");
    }

    /** Needs a privilege, and with binary logging another one: tested on a table of our own. MySQL is not supported. */
    public function mayMakeTriggers(CapturePlan $plan): bool
    {
        if (!$this->isMariaDb()) {
            return false;
        }
        // Named by connection: concurrent tests drop their own tables.
        $try = 'ganchoplugin_try_' . (int)$this->db->select('SELECT CONNECTION_ID() AS id')[0]['id'];
        $this->db->exec("CREATE TABLE IF NOT EXISTS $try (n int)");
        $may = $this->db->exec("CREATE OR REPLACE TRIGGER $try AFTER INSERT ON $try FOR EACH ROW BEGIN END");
        $this->db->exec("DROP TABLE IF EXISTS $try");
        return $may;
    }

    public function whyNoTriggers(): string
    {
        if (!$this->isMariaDb()) {
            return 'engine';
        }
        // https://mariadb.com/kb/en/binary-logging-of-stored-routines/
        $binary = $this->db->select('SELECT @@log_bin AND NOT @@log_bin_trust_function_creators AS refused')[0]['refused'] ?? 0;
        return (int)$binary === 1 ? 'binlog' : 'right';
    }

    protected function countLost(string $table, int $count): void
    {
        $this->db->exec('INSERT INTO ' . self::LOST . ' (source, count) VALUES (' . self::text($table)
            . ", $count) ON DUPLICATE KEY UPDATE count = count + $count");
    }

    public function lost(): int
    {
        return $this->counted("source <> '*'");
    }

    public function dropped(): int
    {
        return $this->counted("source = '*'");
    }

    /** `*` stands for all tables: the outbox was full. */
    private function counted(string $which): int
    {
        return (int)($this->db->select('SELECT SUM(count) AS n FROM ' . self::LOST . " WHERE $which")[0]['n'] ?? 0);
    }

    public function isFull(): bool
    {
        $select = 'SELECT (' . MariaDbTriggers::FULL . ') AS full, (' . MariaDbTriggers::SOME . ') AND (' . MariaDbTriggers::FORSAKEN . ') AS forsaken';
        $row = $this->db->select($select)[0] ?? [];
        return (int)($row['full'] ?? 0) > 0 || (int)($row['forsaken'] ?? 0) > 0;
    }

    public function countDropped(string $table): void
    {
        $this->db->exec('INSERT INTO ' . self::OUTBOX . " (mark, conn, at, source, op) VALUES ('', 0, UTC_TIMESTAMP(6), " . self::text($table) . ", 'F')");
    }

    /** Databases can't be renamed: one with another name was created, perhaps within the same second. */
    public function site(): array
    {
        $sql = "SELECT DATABASE() AS `database`, CONCAT(@@hostname, ':', @@port) AS server, "
            . "CONCAT(COALESCE(MAX(UNIX_TIMESTAMP(CREATE_TIME)), 0), '@', HEX(DATABASE())) AS made FROM information_schema.TABLES "
            . "WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '" . self::LOST . "'";
        return $this->db->select($sql)[0];
    }

    public function setUp(): ?array
    {
        $sql = "SELECT COALESCE(MAX(TABLE_COMMENT), '') AS text FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() "
            . "AND TABLE_NAME = '" . self::SITE . "'";
        $words = explode(' ', (string)$this->db->select($sql)[0]['text'], 5);
        return count($words) < 5 ? null : array_combine(['at', 'source', 'made', 'server', 'database'], $words);
    }

    /** Recreated each time: a table's comment can be read without opening it. Its first word is the time. */
    public function writeSetUp(array $site): void
    {
        $now = (int)$this->db->select('SELECT UNIX_TIMESTAMP() AS now')[0]['now'];
        $comment = "$now plugin $site[made] $site[server] $site[database]";
        $this->db->exec('CREATE OR REPLACE TABLE ' . self::SITE . " (n INT) ENGINE=InnoDB COMMENT = '" . $this->db->escapeString($comment) . "'");
    }

    public function insert(string $table, string $op, ?array $old, ?array $new, array $secrets): string
    {
        $json = fn(?array $row) => $row === null ? 'NULL' : "'" . $this->db->escapeString(self::encoded($row)) . "'";
        return "SET @ganchoplugin_mark = IFNULL(@ganchoplugin_mark, UUID()); "
            . 'INSERT INTO ' . self::OUTBOX . ' (mark, conn, at, source, op, old_row, new_row, secrets, tx, origin) '
            . 'VALUES (@ganchoplugin_mark, CONNECTION_ID(), UTC_TIMESTAMP(6), ' . self::text($table)
            . ", '$op', {$json($old)}, {$json($new)}, " . self::text(implode(' ', $secrets)) . ', ' . $this->transaction() . ', @gancho_origin)';
    }

    /** As written by the triggers; MySQL, where only models report, has no such variable, and the clock decides. */
    private function transaction(): string
    {
        return $this->isMariaDb() ? 'IF(@@in_transaction, (' . MariaDbTriggers::COUNTERS . '), 0)' : 'NULL';
    }

    private function isMariaDb(): bool
    {
        $version = fn() => (string)($this->db->select('SELECT VERSION() AS v')[0]['v'] ?? '');
        return $this->isMariaDb ??= str_contains($version(), 'MariaDB');
    }
}
