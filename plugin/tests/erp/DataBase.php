<?php
namespace FacturaScripts\Core\Base;

/** The ERP's error log for users. */
class MiniLog
{
    public static bool $disabled = false;

    public static function disable(bool $value = true): void
    {
        self::$disabled = $value;
    }
}

/**
 * Stand-in for the ERP's database class: one connection per request, errors return false instead of exceptions, and a
 * statement outside a transaction has its own.
 */
class DataBase
{
    public static array $errors = [];
    /** All errors, including silenced ones. */
    public static array $refused = [];
    private static ?\mysqli $mysql = null;
    private static ?\PgSql\Connection $pg = null;
    private static bool $open = false;

    private static function address(): array
    {
        return parse_url((string)getenv('ERP_DATABASE'));
    }

    public function type(): string
    {
        return str_starts_with((string)getenv('ERP_DATABASE'), 'postgres') ? 'postgresql' : 'mysql';
    }

    public function connect(): bool
    {
        $at = self::address();
        $name = ltrim($at['path'] ?? '', '/');
        if ($this->type() === 'postgresql' && self::$pg === null) {
            $password = isset($at['pass']) ? " password={$at['pass']}" : '';
            self::$pg = pg_connect("host={$at['host']} port={$at['port']} user={$at['user']} dbname=$name$password", PGSQL_CONNECT_FORCE_NEW) ?: null;
            $this->exec('SET DATESTYLE TO ISO, YMD');
        } elseif ($this->type() === 'mysql' && self::$mysql === null) {
            mysqli_report(MYSQLI_REPORT_OFF);
            self::$mysql = new \mysqli($at['host'], urldecode($at['user']), urldecode($at['pass'] ?? ''), $name, $at['port']);
            self::$mysql->set_charset('utf8mb4');
            self::$mysql->query('SET autocommit = 0');
        }
        return true;
    }

    public function close(): bool
    {
        self::$mysql?->close();
        if (self::$pg !== null) {
            pg_close(self::$pg);
        }
        [self::$mysql, self::$pg, self::$open] = [null, null, false];
        return true;
    }

    public function inTransaction(): bool
    {
        return self::$open;
    }

    public function beginTransaction(): bool
    {
        if (!self::$open) {
            self::$open = true;
            $this->run('START TRANSACTION');
        }
        return true;
    }

    public function commit(): bool
    {
        self::$open = false;
        return $this->run('COMMIT');
    }

    public function rollback(): bool
    {
        self::$open = false;
        return $this->run('ROLLBACK');
    }

    public function exec(string $sql): bool
    {
        $within = self::$open;
        $this->beginTransaction();
        $done = $this->run($sql);
        if (!$within) {
            $done ? $this->commit() : $this->rollback();
        }
        return $done;
    }

    private function run(string $sql): bool
    {
        if ($this->type() === 'postgresql') {
            $done = @pg_query(self::$pg, $sql) !== false;
            $error = $done ? '' : pg_last_error(self::$pg);
        } else {
            $done = self::$mysql->multi_query($sql);
            while ($done && self::$mysql->more_results()) {
                $done = self::$mysql->next_result();
            }
            $error = self::$mysql->error;
        }
        if (!$done) {
            $this->refused($sql, $error);
        }
        return $done;
    }

    private function refused(string $sql, string $error): void
    {
        self::$refused[] = "$error: " . substr($sql, 0, 300);
        if (!MiniLog::$disabled) {
            self::$errors[] = $error;
        }
    }

    public function select(string $sql): array
    {
        if ($this->type() === 'postgresql') {
            $result = @pg_query(self::$pg, $sql);
            if ($result === false) {
                $this->refused($sql, pg_last_error(self::$pg));
            }
            return $result === false ? [] : pg_fetch_all($result);
        }
        $result = self::$mysql->query($sql);
        if ($result === false) {
            $this->refused($sql, self::$mysql->error);
        }
        return $result instanceof \mysqli_result ? $result->fetch_all(MYSQLI_ASSOC) : [];
    }

    public function lastval(): string
    {
        $ask = $this->type() === 'postgresql' ? 'SELECT lastval() AS n' : 'SELECT LAST_INSERT_ID() AS n';
        return $this->select($ask)[0]['n'];
    }

    public function tableExists(string $name): bool
    {
        $here = $this->type() === 'postgresql' ? 'current_schema()' : 'DATABASE()';
        return (bool)$this->select("SELECT 1 FROM information_schema.tables WHERE table_schema = $here AND table_name = '$name'");
    }

    public function escapeString($text): string
    {
        return $this->type() === 'postgresql' ? pg_escape_string(self::$pg, $text) : self::$mysql->real_escape_string($text);
    }

    public function var2str($value): string
    {
        return match (true) {
            $value === null => 'NULL',
            is_bool($value) => $value ? 'TRUE' : 'FALSE',
            default => "'" . $this->escapeString((string)$value) . "'",
        };
    }
}
