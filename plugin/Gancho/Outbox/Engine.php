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

    public function __construct(protected DataBase $db)
    {
    }

    public static function of(DataBase $db): self
    {
        return $db->type() === 'postgresql' ? new Postgres($db) : new MariaDb($db);
    }

    /** @return array<string, array{key: ?string, columns: array<string, string>}> */
    abstract public function schema(): array;

    /** Foreign keys that delete or unlink rows without a trigger of theirs being fired. */
    abstract public function links(): array;

    /**
     * What of ours should be there, in the order in which it is made.
     *
     * @return array<string, array{create: string, mark: string}> by name, such as `trigger ganchoplugin_i_clientes`
     */
    abstract public function parts(Plan $plan): array;

    /** What of ours is there: names, each with the mark by which the right one is known. */
    abstract public function installed(): array;

    /** What takes away a part that is there by this name. */
    abstract public function dropOf(string $name): string;

    /** Whether the outbox holds anything; no where it is not there. */
    abstract public function isWaiting(): bool;

    /**
     * The oldest rows of the outbox as Gancho takes them, and the database's clock.
     *
     * @return array{now_ms: int, rows: array<int, array>}
     */
    abstract public function look(int $limit): array;

    abstract public function lost(): int;

    /** A row for the outbox, as one statement. */
    abstract public function insert(string $table, string $op, ?array $old, ?array $new, array $secrets): string;

    /** A name in quotes. */
    abstract public function name(string $name): string;

    /** Ends what a first read began to see: others have written since. */
    abstract public function refresh(): void;

    public function backlog(): int
    {
        return (int)($this->db->select('SELECT COUNT(*) AS n FROM ' . self::OUTBOX)[0]['n'] ?? 0);
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

    /** Rows of a heard table, without secrets: those whose column holds one of these values, or all. */
    public function records(Plan $plan, string $table, ?string $column = null, array $values = []): array
    {
        $columns = implode(', ', array_map(fn($name) => $this->name($name), array_keys($plan->tables[$table]['columns'])));
        $select = "SELECT $columns FROM " . $this->name($table);
        if ($column === null) {
            return $this->db->select($select);
        }
        if (!$values) {
            return [];
        }
        $quoted = array_map(fn($value) => "'" . $this->db->escapeString((string)$value) . "'", $values);
        return $this->db->select($select . ' WHERE ' . $this->name($column) . ' IN (' . implode(', ', $quoted) . ')');
    }

    /** A text in quotes: for names of tables and columns only. */
    protected static function text(string $text): string
    {
        return "'" . str_replace("'", "''", $text) . "'";
    }

    protected static function decoded(?string $json): ?array
    {
        $row = $json === null ? null : json_decode($json, true);
        return is_array($row) ? $row : null;
    }

    protected static function encoded(?array $row): ?string
    {
        return $row === null ? null : json_encode($row, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_INVALID_UTF8_SUBSTITUTE | JSON_PRESERVE_ZERO_FRACTION);
    }
}
