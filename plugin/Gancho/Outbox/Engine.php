<?php
namespace FacturaScripts\Plugins\Gancho\Outbox;

use FacturaScripts\Core\Base\DataBase;

/**
 * The ERP's database: what its tables look like, what is ours in it, and rows of the outbox.
 * The two engines differ in their SQL, and in nothing else.
 */
abstract class Engine
{
    /** Begins the name of everything of ours. */
    public const OURS = 'ganchoplugin_';
    public const OUTBOX = self::OURS . 'outbox';
    public const LOST = self::OURS . 'lost';
    /** Says which installation of the ERP this database was set up for, and when rows were taken last. */
    public const SITE = self::OURS . 'site';
    /** Rows in the outbox beyond which triggers only count what they don't write. */
    public const ROWS_MAX = 500000;
    /** Rows up to which an outbox may be of any age. */
    public const ROWS_SOME = 1000;
    /** Days without anybody who takes rows after which triggers only count what they don't write. */
    public const DAYS_MAX = 14;

    /** Whether some tables could not be looked at, so that what is not in the schema may be there all the same. */
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

    /** Foreign keys that delete or unlink rows without a trigger of theirs being fired. */
    abstract public function links(): array;

    /**
     * What of ours should be there, in the order in which it is made.
     *
     * @return array<string, array{create: string, mark: string}> by name, such as `trigger ganchoplugin_i_clientes`
     */
    abstract public function parts(CapturePlan $plan): array;

    /** What of ours is there: names, each with the mark by which the right one is known. */
    abstract public function installed(): array;

    /** What takes away a part that is there by this name. */
    abstract public function dropOf(string $name): string;

    /** Whether the outbox holds anything; no where it is not there. */
    abstract public function isWaiting(): bool;

    /** The key of the outbox's newest row, or 0: whether something came is seen by it. */
    abstract public function newest(): int;

    /**
     * The oldest rows of the outbox as Gancho takes them, the database's clock, and whether more wait.
     *
     * @return array{now_ms: int, rows: array<int, array>, more: bool}
     */
    abstract public function look(int $limit): array;

    /** Whether the account may make triggers on these tables at all. */
    abstract public function mayMakeTriggers(CapturePlan $plan): bool;

    /** What keeps us from it: `binlog`, an `engine` that has not what our triggers need, or the `right` that is missing. */
    public function whyNoTriggers(): string
    {
        return 'right';
    }

    /** How long our own changes of tables wait for the ERP's locks: while they wait, it waits behind them. Null: as it was. */
    abstract public function patience(?int $seconds): void;

    /** The length of a row's texts, in SQL. */
    abstract protected function length(): string;

    abstract public function lost(): int;

    /** How many changes were not written because the outbox was full. */
    abstract public function dropped(): int;

    /** Whether the outbox is full, or nobody took rows for too long. */
    abstract public function isFull(): bool;

    /** One more change of a table was not written because the outbox was full. */
    abstract public function countDropped(string $table): void;

    /** So many more of a table's changes were lost. */
    abstract protected function countLost(string $table, int $count): void;

    /**
     * What distinguishes this database from another: a dump that is restored makes `made` anew.
     *
     * @return array{database: string, server: string, made: string}
     */
    abstract public function site(): array;

    /** What was written into it when it was set up. */
    abstract public function setUp(): ?array;

    /** Writes that it is set up, and that somebody who takes rows was here just now. */
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

    /** Ends what a first read began to see: others have written since. */
    abstract public function refresh(): void;

    /** How many rows wait, at most so many: a million is not counted again and again. */
    public function backlog(int $most = 10001): int
    {
        $waiting = 'SELECT 1 AS n FROM ' . self::OUTBOX . " LIMIT $most";
        return (int)($this->db->select("SELECT COUNT(*) AS n FROM ($waiting) AS waiting_rows")[0]['n'] ?? 0);
    }

    /**
     * The keys of the oldest rows that can be held in memory together, at least one.
     *
     * @return array{0: string, 1: bool, 2: bool} a condition that chooses them, whether more wait, and whether no look can
     *     show more of them
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

    /** Rows of a captured table, without secrets: those whose column holds one of these values, or all. */
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

    /** The ERP's `select` gives no rows for a statement that was refused: that is not to pass for a record that is gone. */
    private function read(string $select): array
    {
        $rows = $this->db->select($select);
        if (!$rows && (int)($this->db->select("SELECT COUNT(*) AS n FROM ($select) AS found")[0]['n'] ?? 1) !== 0) {
            throw new \RuntimeException('records of the ERP could not be read');
        }
        return $rows;
    }

    /** The ERP's users, and the keys of its API by their numbers and names: who may write here. */
    public function writers(): array
    {
        $user = fn($row) => ['kind' => 'user', 'id' => $row['nick']];
        $key = fn($row) => ['kind' => 'api', 'id' => (int)$row['id']] + ((string)$row['description'] === '' ? [] : ['name' => $row['description']]);
        return [
            ...array_map($user, $this->db->select('SELECT nick FROM users ORDER BY nick LIMIT 200') ?: []),
            ...array_map($key, $this->db->select('SELECT id, description FROM api_keys ORDER BY id LIMIT 200') ?: []),
        ];
    }

    /** A name of at most so many bytes: of a longer one the end is a digest. */
    public static function short(string $name, int $most): string
    {
        return strlen($name) <= $most ? $name : mb_strcut($name, 0, $most - 17) . '_' . substr(hash('sha256', $name), 0, 16);
    }

    /** A text in quotes: for names of tables and columns only. */
    public static function text(string $text): string
    {
        return "'" . str_replace("'", "''", $text) . "'";
    }

    /**
     * The rows that can be read. Others are counted as lost and removed: they could never be reported.
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

    /** What another plugin put inside stays an object, even an empty one. */
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
        // PostgreSQL's texts can't hold that sign.
        return str_replace('\\u0000', '', (string)$json);
    }
}
