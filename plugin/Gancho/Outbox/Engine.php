<?php
namespace FacturaScripts\Plugins\Gancho\Outbox;

use FacturaScripts\Core\Base\DataBase;

/**
 * The ERP's database: its schema, our objects in it, and the rows of the outbox. The engines differ only in their SQL.
 */
abstract class Engine
{
    /** The prefix of all our objects. */
    public const OURS = 'ganchoplugin_';
    public const OUTBOX = self::OURS . 'outbox';
    public const LOST = self::OURS . 'lost';
    /** Records the ERP installation that this database was set up for, and when rows were last taken. */
    public const SITE = self::OURS . 'site';
    /** Maximum rows in the outbox; beyond it, triggers only count changes. */
    public const ROWS_MAX = 500000;
    /** An outbox with at most this many rows may be of any age. */
    public const ROWS_SOME = 1000;
    /** After this many days without a reader, triggers only count changes. */
    public const DAYS_MAX = 14;

    /** Whether some tables of the last schema could not be read: then it may lack tables and foreign keys. */
    public bool $isPartial = false;

    public function __construct(protected DataBase $db)
    {
    }

    public static function of(DataBase $db): self
    {
        return $db->type() === 'postgresql' ? new Postgres($db) : new MariaDb($db);
    }

    /** @return array<string, array{key: string[], columns: array<string, string>}> keys: the columns of the primary key */
    abstract public function schema(): array;

    /** Foreign keys that delete or unlink rows without firing triggers. */
    abstract public function links(): array;

    /**
     * Our expected objects, in order of creation.
     *
     * @return array<string, array{create: string, mark: string}> by name, such as `trigger ganchoplugin_i_clientes`
     */
    abstract public function parts(CapturePlan $plan): array;

    /** Our installed objects: names, each with its definition. */
    abstract public function installed(): array;

    /** The tables of installed triggers, by their names; without those that the catalogue does not show now. */
    abstract public function tablesOf(array $triggers): array;

    /** The statement that drops the installed object of this name. */
    abstract public function dropOf(string $name): string;

    /** Whether the outbox has rows; false if it does not exist. */
    abstract public function isWaiting(): bool;

    /** The key of the outbox's newest row, or 0: shows whether rows were added. */
    abstract public function newest(): int;

    /**
     * The oldest rows of the outbox in the format for Gancho, the database's clock, and whether more wait.
     *
     * @return array{now_ms: int, rows: array<int, array>, more: bool}
     */
    abstract public function look(int $limit): array;

    /** Whether the account may create triggers on these tables. */
    abstract public function mayMakeTriggers(CapturePlan $plan): bool;

    /** The reason why not: `binlog`, an unsupported `engine`, or the missing `right`. */
    public function whyNoTriggers(): string
    {
        return 'right';
    }

    /** Timeout of our DDL for the ERP's locks, since its statements queue behind ours. Null: restores it. */
    abstract public function patience(?int $seconds): void;

    /** The length of a row's texts, in SQL. */
    abstract protected function length(): string;

    abstract public function lost(): int;

    /** Number of changes dropped because the outbox was full. */
    abstract public function dropped(): int;

    /** Whether the outbox is full, or rows were not taken for too long. */
    abstract public function isFull(): bool;

    /** Counts a change dropped because the outbox was full. */
    abstract public function countDropped(string $table): void;

    /** Counts lost changes of a table. */
    abstract protected function countLost(string $table, int $count): void;

    /**
     * The identity of this database: restoring a dump creates `made` again.
     *
     * @return array{database: string, server: string, made: string}
     */
    abstract public function site(): array;

    /** The setup record in the database. */
    abstract public function setUp(): ?array;

    /** Writes the setup record, with the time at which rows were last taken. */
    abstract public function writeSetUp(array $site): void;

    /** Removes all rows of the outbox. */
    public function empty(): void
    {
        $this->db->exec('DELETE FROM ' . self::OUTBOX);
    }

    /** A row for the outbox, as one statement. */
    abstract public function insert(string $table, string $op, ?array $old, ?array $new, array $secrets): string;

    /** A name in quotes. */
    abstract public function name(string $name): string;

    /** Ends the snapshot of the first read: other connections have written since. */
    abstract public function refresh(): void;

    /** Number of rows in the outbox, up to a maximum: millions are not counted repeatedly. */
    public function backlog(int $most = 10001): int
    {
        $waiting = 'SELECT 1 AS n FROM ' . self::OUTBOX . " LIMIT $most";
        return (int)($this->db->select("SELECT COUNT(*) AS n FROM ($waiting) AS waiting_rows")[0]['n'] ?? 0);
    }

    /**
     * The keys of the oldest rows that fit into memory together, at least one.
     *
     * @return array{0: string, 1: bool, 2: bool} a condition that selects them, whether more wait, and whether this is
     * the maximum batch
     */
    protected function fitting(int $limit, int $bytes = 4000000): array
    {
        $found = $this->db->select('SELECT id, ' . $this->length() . ' AS n FROM ' . self::OUTBOX . " ORDER BY id LIMIT $limit");
        $sum = 0;
        $ids = [];
        foreach ($found as $row) {
            $sum += (int)$row['n'];
            if ($ids && $sum > $bytes) {
                break;
            }
            $ids[] = (string)(int)$row['id'];
        }
        $more = count($found) === $limit || count($ids) < count($found);
        return [$ids ? 'id IN (' . implode(',', $ids) . ')' : 'id < 0', $more, count($ids) < count($found)];
    }

    /** @param int[] $ids */
    public function remove(array $ids): bool
    {
        foreach (array_chunk($ids, 500) as $some) {
            if (!$this->db->exec('DELETE FROM ' . self::OUTBOX . ' WHERE id IN (' . implode(',', array_map('intval', $some)) . ')')) {
                return false;
            }
        }
        return true;
    }

    /** Rows of a captured table, without secrets: those whose column has one of these values, or all. */
    public function records(CapturePlan $plan, string $table, ?string $column = null, array $values = []): array
    {
        $columns = implode(', ', array_map(fn($name) => $this->name($name), array_keys($plan->tables[$table]['columns'])));
        $select = "SELECT $columns FROM " . $this->name($table);
        if ($column === null) {
            return $this->read($select);
        }
        if (!$values) {
            return [];
        }
        $quoted = array_map(fn($value) => "'" . $this->db->escapeString((string)$value) . "'", $values);
        return $this->read($select . ' WHERE ' . $this->name($column) . ' IN (' . implode(', ', $quoted) . ')');
    }

    /** The ERP's `select` returns no rows for a failed statement, which must not count as a deleted record. */
    private function read(string $select): array
    {
        $rows = $this->db->select($select);
        if (!$rows && (int)($this->db->select("SELECT COUNT(*) AS n FROM ($select) AS found")[0]['n'] ?? 1) !== 0) {
            throw new \RuntimeException('records of the ERP could not be read');
        }
        return $rows;
    }

    /** The ERP's users, and its API keys by number and name: possible origins of changes. */
    public function writers(): array
    {
        $user = fn($row) => ['kind' => 'user', 'id' => $row['nick']];
        $key = fn($row) => ['kind' => 'api', 'id' => (int)$row['id']] + ((string)$row['description'] === '' ? [] : ['name' => $row['description']]);
        return [
            ...array_map($user, $this->db->select('SELECT nick FROM users ORDER BY nick LIMIT 200') ?: []),
            ...array_map($key, $this->db->select('SELECT id, description FROM api_keys ORDER BY id LIMIT 200') ?: []),
        ];
    }

    /** A name of limited bytes: the end of a longer one is replaced by a digest. */
    public static function short(string $name, int $most): string
    {
        return strlen($name) <= $most ? $name : mb_strcut($name, 0, $most - 17) . '_' . substr(hash('sha256', $name), 0, 16);
    }

    /** A quoted string: only for names of tables and columns. */
    public static function text(string $text): string
    {
        return "'" . str_replace("'", "''", $text) . "'";
    }

    /**
     * The readable rows. Others are counted as lost and removed: they could never be reported.
     *
     * @param array<int, array> $rows
     */
    protected function whole(array $rows): array
    {
        $isWhole = fn($row) => ($row['old'] !== null || in_array($row['op'], ['I', 'E', 'N'], true))
            && ($row['new'] !== null || $row['op'] === 'D');
        $broken = array_filter($rows, fn($row) => !$isWhole($row));
        foreach (array_count_values(array_map(fn($row) => $row['op'] === 'F' ? '*' : $row['table'], $broken)) as $table => $count) {
            $this->countLost((string)$table, $count);
        }
        $this->remove(array_column($broken, 'id'));
        return array_values(array_filter($rows, $isWhole));
    }

    /** Another plugin's empty object stays an object. */
    protected static function decoded(?string $json): ?array
    {
        $row = $json === null ? null : json_decode($json);
        return is_object($row) || is_array($row) ? (array)$row : null;
    }

    protected static function encoded(?array $row): ?string
    {
        if ($row === null) {
            return null;
        }
        $flags = JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_INVALID_UTF8_SUBSTITUTE | JSON_PRESERVE_ZERO_FRACTION;
        $json = json_encode($row, $flags | JSON_PARTIAL_OUTPUT_ON_ERROR);
        // PostgreSQL can't store that character in texts.
        return str_replace('\\u0000', '', (string)$json);
    }
}
