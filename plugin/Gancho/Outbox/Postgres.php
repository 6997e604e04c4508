<?php
namespace FacturaScripts\Plugins\Gancho\Outbox;

/** PostgreSQL. */
final class Postgres extends Engine
{
    public const DROPPED = self::OURS . 'dropped';

    private ?string $schema = null;

    public function name(string $name): string
    {
        return '"' . str_replace('"', '""', $name) . '"';
    }

    public function refresh(): void
    {
    }

    /** A name with the schema of the ERP's tables. */
    public function at(string $name): string
    {
        $this->schema ??= (string)($this->db->select('SELECT current_schema() AS name')[0]['name'] ?? 'public');
        return $this->name($this->schema) . '.' . $name;
    }

    public function schema(): array
    {
        $sql = 'SELECT c.relname::text AS name, a.attname::text AS col, format_type(a.atttypid, a.atttypmod) AS kind, '
            . 'coalesce(a.attnum = ANY(i.indkey::int2[]), false)::int AS key '
            . 'FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid '
            . 'LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary '
            . "WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped "
            . 'ORDER BY c.relname, a.attnum';
        $schema = [];
        foreach ($this->db->select($sql) as ['name' => $table, 'col' => $column, 'kind' => $kind, 'key' => $isKey]) {
            $schema[$table] ??= ['key' => [], 'columns' => []];
            if ((int)$isKey === 1) {
                $schema[$table]['key'][] = $column;
            }
            $schema[$table]['columns'][$column] = $kind;
        }
        return $schema;
    }

    /** Cascades fire row triggers here: needed only for models. */
    public function links(): array
    {
        $sql = 'SELECT c.relname::text AS child, a.attname::text AS col, p.relname::text AS parent, b.attname::text AS parent_col, '
            . 'k.confdeltype AS rule FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class p ON p.oid = k.confrelid '
            . 'JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.conkey[1] '
            . "JOIN pg_attribute b ON b.attrelid = p.oid AND b.attnum = k.confkey[1] WHERE k.contype = 'f' "
            . "AND n.nspname = current_schema() AND k.confdeltype IN ('c', 'n') ORDER BY c.relname, k.conname";
        return array_map(fn($row) => [
            'child' => $row['child'], 'column' => $row['col'], 'parent' => $row['parent'],
            'parent_column' => $row['parent_col'], 'deletes' => $row['rule'] === 'c',
        ], $this->db->select($sql));
    }

    public function parts(CapturePlan $plan): array
    {
        return (new PostgresTriggers($this))->parts($plan);
    }

    public function installed(): array
    {
        $found = [];
        $here = 'JOIN pg_namespace n ON n.oid = %s WHERE n.nspname = current_schema() AND ';
        $selects = [
            "SELECT CASE c.relkind WHEN 'S' THEN 'sequence ' ELSE 'table ' END || c.relname AS name, CASE c.relkind WHEN 'S' THEN '' "
                . "ELSE (SELECT string_agg(a.attname, ' ' ORDER BY a.attnum) FROM pg_attribute a "
                . 'WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) END AS mark FROM pg_class c '
                . sprintf($here, 'c.relnamespace') . "c.relname IN ('" . implode("', '", [self::OUTBOX, self::LOST, self::SITE, self::DROPPED]) . "')",
            // A function executable by PUBLIC (after a restore without privileges) is not as expected.
            "SELECT 'function ' || p.proname AS name, CASE WHEN has_function_privilege('public', p.oid, 'EXECUTE') "
                . "THEN 'everybody''s ' ELSE '' END || p.prosrc AS mark FROM pg_proc p "
                . sprintf($here, 'p.pronamespace') . "p.proname LIKE 'ganchoplugin\\_%'",
            "SELECT 'trigger ' || t.tgname || ' ON ' || c.relname AS name, t.tgenabled::text || t.tgtype || ' ' || p.proname "
                . "|| coalesce(' ' || nullif(t.tgattr::text, ''), '') || CASE WHEN t.tgqual IS NULL THEN '' ELSE ' WHEN' END AS mark "
                . 'FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_class c ON c.oid = t.tgrelid ' . sprintf($here, 'c.relnamespace')
                . "NOT t.tgisinternal AND NOT c.relispartition AND t.tgname LIKE 'ganchoplugin\\_%'",
        ];
        foreach ($selects as $select) {
            foreach ($this->db->select($select) as $row) {
                $found[$row['name']] = $row['mark'];
            }
        }
        return $found;
    }

    /** Part of their names, since triggers are named per table here. */
    public function tablesOf(array $triggers): array
    {
        return array_combine($triggers, array_map(fn($trigger) => explode(' ON ', $trigger, 2)[1] ?? '', $triggers));
    }

    public function dropOf(string $name): string
    {
        [$kind, $thing] = explode(' ', $name, 2);
        return match (true) {
            $kind === 'trigger' => 'DROP TRIGGER IF EXISTS ' . str_replace(' ON ', ' ON ' . $this->at(''), $thing),
            $name === 'function ' . PostgresTriggers::WRITE => 'DROP FUNCTION IF EXISTS ' . $this->at(PostgresTriggers::WRITE) . '(' . PostgresTriggers::ARGUMENTS . ')',
            $kind === 'function' => 'DROP FUNCTION IF EXISTS ' . $this->at($this->name($thing)) . '()',
            default => 'DROP ' . strtoupper($kind) . ' IF EXISTS ' . $this->at($thing),
        };
    }

    public function isWaiting(): bool
    {
        return (bool)$this->db->select('SELECT 1 AS n FROM ' . $this->at(self::OUTBOX) . ' LIMIT 1');
    }

    public function newest(): int
    {
        return (int)($this->db->select('SELECT COALESCE(MAX(id), 0) AS n FROM ' . $this->at(self::OUTBOX))[0]['n'] ?? 0);
    }

    public function look(int $limit): array
    {
        $ms = fn($at) => "(extract(epoch FROM $at) * 1000)::bigint";
        $now = (int)$this->db->select("SELECT {$ms('clock_timestamp()')} AS ms")[0]['ms'];
        $present = array_flip(array_column($this->db->select('SELECT pid FROM pg_stat_activity'), 'pid'));
        [$which, $more, $largest] = $this->fitting($limit);
        $select = "SELECT id, pid || '-' || coalesce(port, 0) AS mark, pid, tx, cmin::text::bigint AS command, {$ms('at')} AS at_ms, "
            . "source, left(op, 1) AS op, old_row::text AS old_row, new_row::text AS new_row, secrets, origin, "
            . "(pid IN (SELECT pid FROM pg_locks WHERE locktype = 'transactionid' AND granted AND mode = 'ExclusiveLock'))::int AS busy "
            . 'FROM ' . $this->at(self::OUTBOX) . " WHERE $which ORDER BY id";
        $row = fn(array $row) => [
            'id' => (int)$row['id'], 'mark' => $row['mark'], 'tx' => (string)$row['tx'], 'at_ms' => (int)$row['at_ms'],
            'table' => $row['source'], 'op' => $row['op'], 'old' => self::decoded($row['old_row']),
            'new' => self::decoded($row['new_row']), 'secrets' => preg_split('/ /', (string)$row['secrets'], -1, PREG_SPLIT_NO_EMPTY),
            'busy' => (int)$row['busy'] === 1, 'gone' => (int)$row['at_ms'] < $now && !isset($present[$row['pid']]), 'origin' => $row['origin'],
        ];
        return ['now_ms' => $now, 'rows' => $this->whole(array_map($row, self::inOrder($this->db->select($select)))), 'more' => $more, 'largest' => $largest];
    }

    /**
     * Keys are clock times, and the clock may be set back during a change group; a connection's transaction and command
     * numbers only rise.
     */
    private static function inOrder(array $rows): array
    {
        $places = [];
        foreach ($rows as $place => $row) {
            $places[$row['mark']][] = $place;
        }
        $sorted = $rows;
        foreach ($places as $own) {
            $risen = array_map(fn($place) => $rows[$place], $own);
            usort($risen, fn($a, $b) => [(int)$a['tx'], (int)$a['command']] <=> [(int)$b['tx'], (int)$b['command']]);
            foreach ($own as $n => $place) {
                $sorted[$place] = $risen[$n];
            }
        }
        return $sorted;
    }

    protected function length(): string
    {
        return 'coalesce(octet_length(old_row::text), 0) + coalesce(octet_length(new_row::text), 0)';
    }

    public function patience(?int $seconds): void
    {
        $this->db->exec($seconds === null ? 'RESET lock_timeout' : "SET lock_timeout = '{$seconds}s'");
    }

    /** Creating triggers needs ownership of the table (or its role). `OLD` in INSERT triggers needs PostgreSQL 11. */
    public function mayMakeTriggers(CapturePlan $plan): bool
    {
        if ((int)$this->db->select("SELECT current_setting('server_version_num') AS n")[0]['n'] < 110000) {
            return false;
        }
        $names = implode(', ', array_map([self::class, 'text'], array_keys($plan->tables)));
        $others = 'SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = current_schema() '
            . "AND c.relname IN ($names) AND NOT pg_has_role(c.relowner, 'USAGE')";
        return $names !== '' && !$this->db->select($others);
    }

    protected function countLost(string $table, int $count): void
    {
        $lost = $this->at(self::LOST);
        $this->db->select("SELECT setval('" . str_replace("'", "''", $lost) . "', CASE WHEN is_called THEN last_value ELSE 0 END + $count) FROM $lost");
    }

    public function lost(): int
    {
        return $this->counted(self::LOST);
    }

    public function dropped(): int
    {
        return $this->counted(self::DROPPED);
    }

    private function counted(string $sequence): int
    {
        $select = 'SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS n FROM ' . $this->at($sequence);
        return (int)($this->db->select($select)[0]['n'] ?? 0);
    }

    public function isFull(): bool
    {
        return (int)($this->db->select('SELECT coalesce((' . (new PostgresTriggers($this))->full() . ')::int, 0) AS n')[0]['n'] ?? 0) === 1;
    }

    public function countDropped(string $table): void
    {
        $this->db->select("SELECT nextval('" . str_replace("'", "''", $this->at(self::DROPPED)) . "')");
    }

    public function site(): array
    {
        // Any account may read the system identifier, unless an administrator revoked that.
        $mayAsk = (int)($this->db->select("SELECT has_function_privilege('pg_control_system()', 'EXECUTE')::int AS may")[0]['may'] ?? 0) === 1;
        $server = $mayAsk ? '(SELECT system_identifier::text FROM pg_control_system())'
            : "coalesce(inet_server_addr()::text, '') || ':' || coalesce(inet_server_port(), 0)";
        $sql = "SELECT current_database() || '.' || current_schema() AS database, $server AS server, "
            . "coalesce(to_regclass('" . str_replace("'", "''", $this->at(self::LOST)) . "')::oid::text, '') || '@' || (SELECT oid FROM pg_database WHERE datname = current_database()) AS made";
        return $this->db->select($sql)[0];
    }

    public function setUp(): ?array
    {
        if (!$this->db->tableExists(self::SITE)) {
            return null;
        }
        return $this->db->select('SELECT source, database, server, made FROM ' . $this->at(self::SITE))[0] ?? null;
    }

    public function writeSetUp(array $site): void
    {
        $at = $this->at(self::SITE);
        $values = implode("', '", array_map(fn($name) => $this->db->escapeString((string)$site[$name]), ['database', 'server', 'made']));
        $this->db->exec("WITH old AS (DELETE FROM $at) INSERT INTO $at (source, database, server, made, seen) VALUES ('plugin', '$values', now())");
    }

    public function insert(string $table, string $op, ?array $old, ?array $new, array $secrets): string
    {
        $json = fn(?array $row) => $row === null ? 'NULL' : "'" . $this->db->escapeString(self::encoded($row)) . "'::jsonb";
        return 'INSERT INTO ' . $this->at(self::OUTBOX) . ' (source, op, old_row, new_row, secrets) VALUES (' . self::text($table)
            . ", '$op', {$json($old)}, {$json($new)}, " . self::text(implode(' ', $secrets)) . ')';
    }
}
