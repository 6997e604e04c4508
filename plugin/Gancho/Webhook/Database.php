<?php
namespace FacturaScripts\Plugins\Gancho\Webhook;

use FacturaScripts\Core\Base\DataBase as ErpDatabase;

/**
 * The ERP's database with errors as exceptions: the ERP's own `exec` only returns false, and its `select` returns no
 * rows for a failed statement.
 */
final class Database
{
    private const STATEMENT_BYTES = 500000;

    public function __construct(private ErpDatabase $db)
    {
    }

    public function isPostgres(): bool
    {
        return $this->db->type() === 'postgresql';
    }

    /** Runs a transaction: any exception rolls it back. */
    public function transaction(callable $work): mixed
    {
        if ($this->db->inTransaction()) {
            throw new \LogicException('there is a transaction of somebody else');
        }
        $this->db->beginTransaction();
        try {
            $result = $work();
        } catch (\Throwable $error) {
            // Also if the database has rolled back by itself, which the ERP does not notice.
            $this->db->rollback();
            throw $error;
        }
        if (!$this->db->commit()) {
            $this->db->rollback();
            throw new DatabaseError('the transaction was not committed');
        }
        return $result;
    }

    /** @param array<string, mixed> $values of the placeholders `:name` */
    public function run(string $sql, array $values = []): void
    {
        if (!$this->db->exec($this->filled($sql, $values))) {
            throw new DatabaseError('a statement was refused: ' . strtok($sql, '('));
        }
    }

    /**
     * @param array<string, mixed> $values of the placeholders `:name`
     * @return array<int, array<string, mixed>>
     */
    public function rows(string $sql, array $values = []): array
    {
        $sql = $this->filled($sql, $values);
        $rows = $this->db->select($sql);
        $check = 'SELECT COUNT(*) AS n FROM (' . str_replace(' FOR UPDATE', '', $sql) . ') AS found';
        // This also fails after a lock timeout or a deadlock: the check would have found a row.
        if (!$rows && (int)($this->db->select($check)[0]['n'] ?? 1) !== 0) {
            throw new DatabaseError('a statement was refused: ' . substr($sql, 0, 80));
        }
        return $rows;
    }

    public function row(string $sql, array $values = []): ?array
    {
        return $this->rows($sql, $values)[0] ?? null;
    }

    public function number(string $sql, array $values = []): int
    {
        return (int)(array_values($this->row($sql, $values) ?? [0])[0] ?? 0);
    }

    public function hasTable(string $name): bool
    {
        return $this->db->tableExists($name);
    }

    /** Several rows in one statement. @param array<int, array<string, mixed>> $rows with the same names */
    public function insert(string $table, array $rows): void
    {
        $insert = fn(array $values) => $this->run("INSERT INTO $table (" . implode(', ', array_keys($rows[array_key_first($rows)])) . ') VALUES ' . implode(', ', $values));
        [$values, $bytes] = [[], 0];
        foreach ($rows as $row) {
            $value = '(' . implode(', ', array_map([$this, 'literal'], $row)) . ')';
            // Databases limit statements to some megabytes.
            if ($values && ($bytes + strlen($value) > self::STATEMENT_BYTES || count($values) === 100)) {
                $insert($values);
                [$values, $bytes] = [[], 0];
            }
            [$values[], $bytes] = [$value, $bytes + strlen($value)];
        }
        if ($values) {
            $insert($values);
        }
    }

    /** A list for `IN (…)`; an empty one matches nothing. */
    public function list(array $values): string
    {
        return $values ? implode(', ', array_map([$this, 'literal'], $values)) : 'NULL';
    }

    public function literal(mixed $value): string
    {
        return match (true) {
            $value === null => 'NULL',
            is_int($value) => (string)$value,
            is_bool($value) => $value ? '1' : '0',
            default => "'" . $this->db->escapeString((string)$value) . "'",
        };
    }

    private function filled(string $sql, array $values): string
    {
        $put = fn($place) => array_key_exists($place[1], $values) ? $this->literal($values[$place[1]]) : $place[0];
        return $values ? preg_replace_callback('/:([a-z_]+)/', $put, $sql) : $sql;
    }
}
