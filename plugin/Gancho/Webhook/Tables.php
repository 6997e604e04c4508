<?php
namespace FacturaScripts\Plugins\Gancho\Webhook;

/** The tables of the standalone mode. Created by our own SQL: the ERP's XML texts are limited to 64 kB on MariaDB. */
final class Tables
{
    private const VERSION = 1;
    private const OURS = 'ganchoplugin_';
    public const META = self::OURS . 'meta';
    public const WEBHOOKS = self::OURS . 'webhooks';
    public const EVENTS = self::OURS . 'events';
    public const DELIVERIES = self::OURS . 'deliveries';
    public const ATTEMPTS = self::OURS . 'attempts';
    public const KNOWN = self::OURS . 'known';
    public const HISTORY = self::OURS . 'history';
    private const ALL = [self::ATTEMPTS, self::DELIVERIES, self::EVENTS, self::WEBHOOKS, self::KNOWN, self::HISTORY, self::META];

    private const COLUMNS = [
        self::META => 'name varchar(50) NOT NULL PRIMARY KEY, value LONG NOT NULL',
        self::WEBHOOKS => 'id varchar(40) NOT NULL PRIMARY KEY, sealed LONG NOT NULL, name varchar(100) NOT NULL, events text NOT NULL, '
            . 'enabled smallint NOT NULL, paused smallint NOT NULL, reason varchar(20), failures int NOT NULL DEFAULT 0, '
            . 'failures_since bigint, failing_ms bigint NOT NULL DEFAULT 0, probe_at bigint, last_success_at bigint, last_failure_at bigint, last_status int, '
            . 'last_error varchar(20), mailed varchar(20), created_at bigint NOT NULL, updated_at bigint NOT NULL',
        self::EVENTS => 'n bigint NOT NULL PRIMARY KEY, id varchar(40) NOT NULL UNIQUE, name varchar(190) NOT NULL UNIQUE, '
            . 'type varchar(100) NOT NULL, sealed LONG NOT NULL, created_at bigint NOT NULL',
        self::DELIVERIES => 'n bigint NOT NULL PRIMARY KEY, id varchar(40) NOT NULL UNIQUE, event bigint NOT NULL, '
            . 'webhook varchar(40) NOT NULL, type varchar(100) NOT NULL, state varchar(10) NOT NULL, attempts smallint NOT NULL, max_attempts smallint NOT NULL, '
            . 'replayed smallint NOT NULL, due_at bigint, lease varchar(40), lease_until bigint NOT NULL DEFAULT 0, last_at bigint, '
            . 'last_status int, last_error varchar(20), created_at bigint NOT NULL',
        self::ATTEMPTS => 'k IDENTITY, delivery bigint NOT NULL, at bigint NOT NULL, sealed LONG NOT NULL',
        self::KNOWN => 'source varchar(64) NOT NULL, code varchar(190) NOT NULL, record LONG NOT NULL, PRIMARY KEY (source, code)',
        self::HISTORY => 'k IDENTITY, at bigint NOT NULL, who varchar(50) NOT NULL, action varchar(40) NOT NULL, webhook varchar(40) NOT NULL, '
            . 'details text NOT NULL',
    ];

    /** Columns of indexes by table. */
    private const INDEXES = [
        self::DELIVERIES => ['due' => 'state, due_at', 'event' => 'event', 'webhook' => 'webhook, state, due_at', 'lease' => 'lease', 'type' => 'type, n'],
        self::EVENTS => ['created' => 'created_at'],
        self::ATTEMPTS => ['delivery' => 'delivery'],
    ];

    public function __construct(private Database $db)
    {
    }

    public function areThere(): bool
    {
        return $this->db->hasTable(self::META) && $this->get('version') !== null;
    }

    /** Creates missing tables; `$key`: the key's fingerprint. Refuses the tables of a newer version. */
    public function make(string $key): void
    {
        $long = $this->db->isPostgres() ? 'text' : 'longtext';
        $identity = $this->db->isPostgres() ? 'bigserial PRIMARY KEY' : 'bigint NOT NULL AUTO_INCREMENT PRIMARY KEY';
        $engine = $this->db->isPostgres() ? '' : ' ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin';
        if ($this->db->hasTable(self::META) && (int)$this->get('version') > self::VERSION) {
            throw new DatabaseError('the tables were made by a newer version of the plugin');
        }
        foreach (self::COLUMNS as $table => $columns) {
            $columns = str_replace([' LONG ', 'k IDENTITY'], [" $long ", "k $identity"], $columns);
            // MySQL has no CREATE INDEX IF NOT EXISTS, PostgreSQL no index in a column list.
            $indexes = self::INDEXES[$table] ?? [];
            $inside = $this->db->isPostgres() ? [] : array_map(fn($name, $on) => ", KEY {$table}_$name ($on)", array_keys($indexes), $indexes);
            $this->db->run("CREATE TABLE IF NOT EXISTS $table ($columns" . implode('', $inside) . ")$engine");
            foreach ($this->db->isPostgres() ? $indexes : [] as $name => $on) {
                $this->db->run("CREATE INDEX IF NOT EXISTS {$table}_$name ON $table ($on)");
            }
        }
        foreach (['key' => $key, 'source' => Id::make('src'), 'sequence' => '0', 'deliveries' => '0', 'version' => (string)self::VERSION] as $name => $value) {
            if ($this->get($name) === null) {
                $this->put($name, $value);
            }
        }
    }

    public function remove(): void
    {
        foreach (self::ALL as $table) {
            $this->db->run("DROP TABLE IF EXISTS $table");
        }
    }

    public function get(string $name): ?string
    {
        return $this->db->row('SELECT value FROM ' . self::META . ' WHERE name = :name', ['name' => $name])['value'] ?? null;
    }

    public function put(string $name, string $value): void
    {
        $this->db->run('DELETE FROM ' . self::META . ' WHERE name = :name', ['name' => $name]);
        $this->db->insert(self::META, [['name' => $name, 'value' => $value]]);
    }

    /**
     * The next numbers of `sequence` or `deliveries`, without gaps; call it in a transaction, which holds them.
     *
     * @return int the first
     */
    public function take(string $counter, int $count): int
    {
        $last = $this->db->row('SELECT value FROM ' . self::META . ' WHERE name = :name FOR UPDATE', ['name' => $counter]);
        if ($last === null) {
            throw new DatabaseError("the counter $counter is gone");
        }
        $first = (int)$last['value'] + 1;
        $this->db->run('UPDATE ' . self::META . ' SET value = :value WHERE name = :name', ['value' => (string)($first + $count - 1), 'name' => $counter]);
        return $first;
    }

    /** Total size of our tables in bytes, as the database reports it. */
    public function bytes(): int
    {
        $names = $this->db->list(self::ALL);
        return $this->db->isPostgres()
            // Live data: a table there does not shrink when its oldest rows are removed.
            ? $this->db->number('SELECT (SELECT COALESCE(SUM(octet_length(sealed) + 400), 0) FROM ' . self::EVENTS . ') + (SELECT COALESCE(SUM(octet_length(sealed) + 200), 0) FROM '
                . self::ATTEMPTS . ') AS n')
            : $this->db->number("SELECT COALESCE(SUM(data_length + index_length), 0) AS n FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name IN ($names)");
    }
}
