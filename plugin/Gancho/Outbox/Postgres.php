<?php
namespace FacturaScripts\Plugins\Gancho\Outbox;

/**
 * Triggers in PostgreSQL's SQL, word by word those of a source of kind database but for the names.
 * Each table has a function of its own, and all write through one. Whatever goes wrong inside is caught by a
 * block of its own and counted in a sequence, which survives a rollback.
 */
final class Postgres extends Engine
{
    private const WRITE = self::OURS . 'write';
    private const CAPTURE = self::OURS . 'capture_';
    private const ARGUMENTS = 'source text, op text, old_row jsonb, new_row jsonb, hidden text[]';

    private ?string $schema = null;

    public function name(string $name): string
    {
        return '"' . str_replace('"', '""', $name) . '"';
    }

    public function refresh(): void
    {
    }

    private function at(string $name): string
    {
        $this->schema ??= (string)($this->db->select('SELECT current_schema() AS name')[0]['name'] ?? 'public');
        return $this->name($this->schema) . '.' . $name;
    }

    public function schema(): array
    {
        $sql = 'SELECT c.relname::text AS name, a.attname::text AS col, format_type(a.atttypid, a.atttypmod) AS kind, '
            . '(coalesce(a.attnum = ANY(i.indkey::int2[]), false) AND coalesce(i.indnkeyatts, 0) = 1)::int AS key '
            . 'FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid '
            . 'LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary '
            . "WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped "
            . 'ORDER BY c.relname, a.attnum';
        $schema = [];
        foreach ($this->db->select($sql) as ['name' => $table, 'col' => $column, 'kind' => $kind, 'key' => $isKey]) {
            $schema[$table] ??= ['key' => null, 'columns' => []];
            if ((int)$isKey === 1) {
                $schema[$table]['key'] = $column;
            }
            $schema[$table]['columns'][$column] = $kind;
        }
        return $schema;
    }

    /** Foreign keys fire our triggers themselves here: for the models' sake. */
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

    public function parts(Plan $plan): array
    {
        $parts = [
            'table ' . self::OUTBOX => ['mark' => '', 'create' => 'CREATE TABLE IF NOT EXISTS ' . $this->at(self::OUTBOX)
                . ' (id bigint PRIMARY KEY, mark text NOT NULL, pid int NOT NULL, tx text NOT NULL, at timestamptz NOT NULL, '
                . 'source text NOT NULL, op text NOT NULL, old_row jsonb, new_row jsonb, secrets text) WITH (toast_tuple_target = 8160)'],
            'sequence ' . self::LOST => ['mark' => '', 'create' => 'CREATE SEQUENCE IF NOT EXISTS ' . $this->at(self::LOST)],
        ];
        $parts += $this->function(self::WRITE, self::ARGUMENTS, 'void', '', $this->writeBody());
        foreach ($plan->tables as $table => $heard) {
            $rights = "SECURITY DEFINER SET lock_timeout = '250ms' SET search_path = pg_catalog, pg_temp";
            $parts += $this->function(self::CAPTURE . $table, '', 'trigger', $rights, $this->capture($table, $heard));
            $parts += $this->trigger($table, self::OURS . 'row', 'AFTER INSERT OR DELETE', '');
            $parts += $this->trigger($table, self::OURS . 'update', 'AFTER UPDATE', 'WHEN (OLD.* IS DISTINCT FROM NEW.*) ');
        }
        return $parts;
    }

    private function trigger(string $table, string $name, string $when, string $condition): array
    {
        $on = $this->at($this->name($table));
        $create = "DROP TRIGGER IF EXISTS $name ON $on; CREATE TRIGGER $name $when ON $on FOR EACH ROW {$condition}EXECUTE PROCEDURE "
            . $this->at($this->name(self::CAPTURE . $table)) . '()';
        return ["trigger $name ON $table" => ['create' => $create, 'mark' => 'O']];
    }

    private function function(string $name, string $arguments, string $returns, string $rights, string $body): array
    {
        $at = $this->at($this->name($name));
        $create = "CREATE OR REPLACE FUNCTION $at($arguments) RETURNS $returns LANGUAGE plpgsql $rights AS "
            . "\$ganchoplugin\${$body}\$ganchoplugin\$; REVOKE EXECUTE ON FUNCTION $at($arguments) FROM PUBLIC";
        return ["function $name" => ['create' => $create, 'mark' => $body]];
    }

    private function writeBody(): string
    {
        $outbox = $this->at(self::OUTBOX);
        return <<<SQL

DECLARE
    changed text;
    session text := current_setting('ganchoplugin.mark', true);
    -- No sequence: the ERP asks with lastval() for the key of its own row. Microseconds, and whose they are.
    row_key bigint := (extract(epoch FROM clock_timestamp()) * 1000000)::bigint * 2048 + pg_backend_pid() % 2048;
BEGIN
    IF cardinality(hidden) > 0 THEN
        IF op = 'U' THEN
            SELECT string_agg(name, ' ') INTO changed FROM unnest(hidden) AS name
                WHERE old_row -> name IS DISTINCT FROM new_row -> name;
        END IF;
        old_row := old_row - hidden; new_row := new_row - hidden;
    END IF;
    -- A column that came since, by whose name it is a secret.
    IF coalesce(new_row, old_row)::text ~* '("(apikey|api_key|logkey|passwd|password|private_key|two_factor_secret_key)|_secret|_password|_token)": ' THEN
        SELECT jsonb_object_agg(key, value) INTO old_row FROM jsonb_each(old_row)
            WHERE key !~* '(^(apikey|api_key|logkey|passwd|password|private_key|two_factor_secret_key)|_secret|_password|_token)$';
        SELECT jsonb_object_agg(key, value) INTO new_row FROM jsonb_each(new_row)
            WHERE key !~* '(^(apikey|api_key|logkey|passwd|password|private_key|two_factor_secret_key)|_secret|_password|_token)$';
    END IF;
    IF session IS NULL OR session = '' THEN
        session := set_config('ganchoplugin.mark',
            md5(random()::text || clock_timestamp()::text || pg_backend_pid()::text), false);
    END IF;
    row_key := greatest(row_key, coalesce(nullif(current_setting('ganchoplugin.key', true), ''), '0')::bigint + 1);
    LOOP
        INSERT INTO $outbox (id, mark, pid, tx, at, source, op, old_row, new_row, secrets)
            VALUES (row_key, session, pg_backend_pid(), txid_current()::text, clock_timestamp(), source, op, old_row, new_row, changed)
            ON CONFLICT DO NOTHING;
        EXIT WHEN FOUND;
        row_key := row_key + 1;
    END LOOP;
    PERFORM set_config('ganchoplugin.key', row_key::text, false);
    PERFORM pg_notify('ganchoplugin_outbox', '');
END
SQL;
    }

    /** An update of nothing but what is no news is not written, and costs the ERP little. */
    private function capture(string $table, array $heard): string
    {
        $noise = '';
        foreach (array_keys($heard['columns']) as $column) {
            if (Facts::isNoise($table, $column)) {
                $noise .= "OLD.{$this->name($column)} := NEW.{$this->name($column)}; ";
            }
        }
        $unless = $noise === '' ? '' : "$noise\n            IF OLD IS NOT DISTINCT FROM NEW THEN RETURN NULL; END IF;\n            ";
        $hidden = self::text('{' . implode(',', $heard['secrets']) . '}');
        $write = fn($op, $old, $new) => 'PERFORM ' . $this->at(self::WRITE) . '(' . self::text($table) . ", '$op', $old, $new, $hidden);";
        $lost = $this->at(self::LOST);
        return <<<SQL

BEGIN
    BEGIN
        IF TG_OP = 'UPDATE' THEN
            {$unless}{$write('U', 'to_jsonb(OLD)', 'to_jsonb(NEW)')}
        ELSIF TG_OP = 'INSERT' THEN
            {$write('I', 'NULL', 'to_jsonb(NEW)')}
        ELSE
            {$write('D', 'to_jsonb(OLD)', 'NULL')}
        END IF;
    EXCEPTION WHEN OTHERS THEN
        BEGIN
            PERFORM setval('$lost', CASE WHEN is_called THEN last_value + 1 ELSE 1 END) FROM $lost;
        EXCEPTION WHEN OTHERS THEN
            NULL;
        END;
    END;
    RETURN NULL;
END
SQL;
    }

    public function installed(): array
    {
        $found = [];
        $here = 'JOIN pg_namespace n ON n.oid = %s WHERE n.nspname = current_schema() AND ';
        $selects = [
            "SELECT CASE c.relkind WHEN 'S' THEN 'sequence ' ELSE 'table ' END || c.relname AS name, '' AS mark FROM pg_class c "
                . sprintf($here, 'c.relnamespace') . "c.relname IN ('" . self::OUTBOX . "', '" . self::LOST . "')",
            "SELECT 'function ' || p.proname AS name, p.prosrc AS mark FROM pg_proc p "
                . sprintf($here, 'p.pronamespace') . "p.proname LIKE 'ganchoplugin\\_%'",
            "SELECT 'trigger ' || t.tgname || ' ON ' || c.relname AS name, t.tgenabled::text AS mark FROM pg_trigger t "
                . 'JOIN pg_class c ON c.oid = t.tgrelid ' . sprintf($here, 'c.relnamespace')
                . "NOT t.tgisinternal AND t.tgname LIKE 'ganchoplugin\\_%'",
        ];
        foreach ($selects as $select) {
            foreach ($this->db->select($select) as $row) {
                $found[$row['name']] = $row['mark'];
            }
        }
        return $found;
    }

    public function dropOf(string $name): string
    {
        [$kind, $thing] = explode(' ', $name, 2);
        return match (true) {
            $kind === 'trigger' => 'DROP TRIGGER IF EXISTS ' . str_replace(' ON ', ' ON ' . $this->at(''), $thing),
            $name === 'function ' . self::WRITE => 'DROP FUNCTION IF EXISTS ' . $this->at(self::WRITE) . '(' . self::ARGUMENTS . ')',
            $kind === 'function' => 'DROP FUNCTION IF EXISTS ' . $this->at($this->name($thing)) . '()',
            default => 'DROP ' . strtoupper($kind) . ' IF EXISTS ' . $this->at($thing),
        };
    }

    public function isWaiting(): bool
    {
        return (bool)$this->db->select('SELECT 1 AS n FROM ' . $this->at(self::OUTBOX) . ' LIMIT 1');
    }

    public function look(int $limit): array
    {
        $ms = fn($at) => "(extract(epoch FROM $at) * 1000)::bigint";
        $now = (int)$this->db->select("SELECT {$ms('clock_timestamp()')} AS ms")[0]['ms'];
        $present = array_flip(array_column($this->db->select('SELECT pid FROM pg_stat_activity'), 'pid'));
        [$which, $more] = $this->fitting($limit);
        $select = "SELECT id, mark, pid, tx, {$ms('at')} AS at_ms, source, op, old_row::text AS old_row, new_row::text AS new_row, secrets, "
            . "(pid IN (SELECT pid FROM pg_locks WHERE locktype = 'transactionid' AND granted AND mode = 'ExclusiveLock'))::int AS busy "
            . 'FROM ' . $this->at(self::OUTBOX) . " WHERE $which ORDER BY id";
        $row = fn(array $row) => [
            'id' => (int)$row['id'], 'mark' => $row['mark'], 'tx' => $row['tx'], 'at_ms' => (int)$row['at_ms'],
            'table' => $row['source'], 'op' => $row['op'], 'old' => self::decoded($row['old_row']),
            'new' => self::decoded($row['new_row']), 'secrets' => preg_split('/ /', (string)$row['secrets'], -1, PREG_SPLIT_NO_EMPTY),
            'busy' => (int)$row['busy'] === 1, 'gone' => (int)$row['at_ms'] < $now && !isset($present[$row['pid']]),
        ];
        return ['now_ms' => $now, 'rows' => array_map($row, $this->db->select($select)), 'more' => $more];
    }

    protected function length(): string
    {
        return 'coalesce(octet_length(old_row::text), 0) + coalesce(octet_length(new_row::text), 0)';
    }

    public function patience(?int $seconds): void
    {
        $this->db->exec($seconds === null ? 'RESET lock_timeout' : "SET lock_timeout = '{$seconds}s'");
    }

    /** Only who owns a table, or may act as its owner, makes triggers on it. */
    public function mayMakeTriggers(Plan $plan): bool
    {
        $names = implode(', ', array_map([self::class, 'text'], array_keys($plan->tables)));
        $others = 'SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = current_schema() '
            . "AND c.relname IN ($names) AND NOT pg_has_role(c.relowner, 'USAGE')";
        return $names !== '' && !$this->db->select($others);
    }

    public function lost(): int
    {
        $select = 'SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS n FROM ' . $this->at(self::LOST);
        return (int)($this->db->select($select)[0]['n'] ?? 0);
    }

    public function insert(string $table, string $op, ?array $old, ?array $new, array $secrets): string
    {
        $json = fn(?array $row) => $row === null ? 'NULL' : "'" . $this->db->escapeString(self::encoded($row)) . "'::jsonb";
        $mark = "coalesce(nullif(current_setting('ganchoplugin.mark', true), ''), set_config('ganchoplugin.mark', "
            . 'md5(random()::text || clock_timestamp()::text || pg_backend_pid()::text), false))';
        $key = "greatest((extract(epoch FROM clock_timestamp()) * 1000000)::bigint * 2048 + pg_backend_pid() % 2048, "
            . "coalesce(nullif(current_setting('ganchoplugin.key', true), ''), '0')::bigint + 1)";
        return 'INSERT INTO ' . $this->at(self::OUTBOX) . ' (id, mark, pid, tx, at, source, op, old_row, new_row, secrets) '
            . "VALUES ($key, $mark, pg_backend_pid(), txid_current()::text, clock_timestamp(), " . self::text($table)
            . ", '$op', {$json($old)}, {$json($new)}, " . self::text(implode(' ', $secrets)) . ')';
    }
}
