<?php
namespace FacturaScripts\Plugins\Gancho\Server;

use FacturaScripts\Core\Base\DataBase;
use FacturaScripts\Plugins\Gancho\Webhook\Vault;

/**
 * Settings, in a table that the ERP's API does not expose; and the status of pushing, in a small file, so that requests
 * without work for us run no query.
 */
final class Settings
{
    public const VERSION = '1.0';
    private const TABLE = 'ganchoplugin_settings';
    private const DEFAULTS = ['url' => '', 'token' => '', 'admin_token' => '', 'models' => '', 'loaded' => '', 'way' => 'push', 'keep' => '', 'allow_hosts' => '', 'keep_days' => '30', 'keep_mb' => '200'];

    /** Secret values, and the prefix of encrypted ones. */
    private const SECRETS = ['token', 'admin_token'];
    private const SEALED = 'sealed:';

    /** After this long without cron, the page warns and no work is left to it, seconds. */
    private const CRON_S = 3600;

    private ?array $values = null;

    public function folder(): string
    {
        $folder = FS_FOLDER . '/MyFiles/Gancho';
        if (!is_dir($folder)) {
            @mkdir($folder, 0770, true);
        }
        return $folder;
    }

    /** Reads them; creates the table if needed. Must not be called within a transaction. */
    public function read(DataBase $db): self
    {
        $this->values = self::DEFAULTS;
        if (!$db->tableExists(self::TABLE)) {
            return $this;
        }
        foreach ($db->select('SELECT name, value FROM ' . self::TABLE) as $row) {
            $this->values[$row['name']] = $this->opened($row['name'], (string)$row['value']);
        }
        return $this;
    }

    /** Keys are encrypted: the ERP's list pages can show any column. Keys of older versions are plain. */
    private function opened(string $name, string $value): string
    {
        return str_starts_with($value, self::SEALED)
            ? (string)Vault::open($this->folder())?->unseal(substr($value, strlen(self::SEALED)), $name) : $value;
    }

    private function sealed(string $name, string $value): string
    {
        $vault = in_array($name, self::SECRETS, true) && $value !== '' ? Vault::open($this->folder(), true) : null;
        return $vault === null ? $value : self::SEALED . $vault->seal($value, $name);
    }

    /** Encrypts plain keys of an older version. */
    public function sealSecrets(DataBase $db): void
    {
        foreach ($db->tableExists(self::TABLE) ? $db->select('SELECT name, value FROM ' . self::TABLE) : [] as $row) {
            $sealed = $this->sealed($row['name'], $this->opened($row['name'], (string)$row['value']));
            if (str_starts_with($sealed, self::SEALED) && !str_starts_with((string)$row['value'], self::SEALED)) {
                $db->exec('UPDATE ' . self::TABLE . " SET value = '" . $db->escapeString($sealed) . "' WHERE name = '$row[name]'");
            }
        }
    }

    public function save(DataBase $db, array $values): bool
    {
        $engine = $db->type() === 'postgresql' ? '' : ' ENGINE=InnoDB DEFAULT CHARSET=utf8mb4';
        $done = $db->tableExists(self::TABLE)
            || $db->exec('CREATE TABLE ' . self::TABLE . " (name varchar(50) NOT NULL PRIMARY KEY, value text NOT NULL)$engine");
        foreach (array_intersect_key($values, self::DEFAULTS) as $name => $value) {
            $done = $done && $db->exec('DELETE FROM ' . self::TABLE . " WHERE name = '$name'")
                && $db->exec('INSERT INTO ' . self::TABLE . " (name, value) VALUES ('$name', '" . $db->escapeString($this->sealed($name, (string)$value)) . "')");
        }
        $this->read($db);
        // After a change, users want to see at once whether it works.
        $news = ['failures' => 0, 'next_at' => 0, 'primed' => false, 'loaded' => $this->loaded(), 'ready' => $this->isActive()];
        return $this->note($news) && $done;
    }

    /** Drops the table with the keys. */
    public function forget(DataBase $db): void
    {
        $db->exec('DROP TABLE IF EXISTS ' . self::TABLE);
        $this->values = self::DEFAULTS;
    }

    public function get(string $name): string
    {
        return $this->values[$name] ?? self::DEFAULTS[$name] ?? '';
    }

    /** @return string[]|null by default those of the catalogue */
    public function models(): ?array
    {
        if ($this->values === null) {
            $db = new DataBase();
            $db->connect();
            $this->read($db);
        }
        return self::list($this->get('models')) ?: null;
    }

    /** Models for which opening a record is reported. */
    public function loaded(): array
    {
        return self::list($this->get('loaded'));
    }

    public function isPushing(): bool
    {
        return $this->get('way') === 'push' && $this->get('url') !== '' && $this->get('token') !== '';
    }

    /** Whether the plugin is in standalone mode. */
    public function isAlone(): bool
    {
        return $this->get('way') === 'alone';
    }

    /** Whether the ERP's cron runs, on which retries depend while the ERP is not used. */
    public function isCronRunning(): bool
    {
        return ($this->state()['cron_at'] ?? 0) + self::CRON_S > time();
    }

    /** Whether cron has done its work recently, so that more may be left to it. */
    public function isCronDoing(): bool
    {
        return abs(time() - (int)($this->state()['cron_done_at'] ?? 0)) < self::CRON_S;
    }

    /** Whether requests have any work for us. */
    public function isActive(): bool
    {
        // Also if deliveries of the standalone mode are pending after a server has taken over.
        return $this->isPushing() || $this->isAlone() || ($this->state()['alone'] ?? false);
    }

    /** @return string[] hosts, addresses and ranges that may be called although they are refused by default */
    public function allowed(): array
    {
        return self::list(strtolower($this->get('allow_hosts')));
    }

    public function isFetched(): bool
    {
        return $this->get('way') === 'fetch';
    }

    /**
     * Whether the ERP has checked its tables since we did, as after another plugin was enabled or updated: there may be
     * new columns.
     */
    public function areTablesNew(): bool
    {
        $state = $this->state();
        return isset($state['tables_seen']) && !$this->isOff() && $state['tables_seen'] !== self::tablesMark();
    }

    /** Whether the plugin was disabled: concurrent processes install nothing more. */
    public function isOff(): bool
    {
        return is_file($this->folder() . '/off');
    }

    /** In its own file, so that concurrent writers of other values don't overwrite it. */
    public function setOff(bool $off): void
    {
        $off ? @touch($this->folder() . '/off') : @unlink($this->folder() . '/off');
        clearstatcache();
    }

    /** When the ERP last checked its tables, from its file of checked tables. */
    public static function tablesMark(): string
    {
        $file = FS_FOLDER . '/MyFiles/db-updater.json';
        clearstatcache(true, $file);
        return is_file($file) ? filemtime($file) . ' ' . filesize($file) : '';
    }

    /** Whether a request should push: false without settings, or soon after a failure. */
    public function isDue(): bool
    {
        $state = $this->state();
        return ($state['ready'] ?? false) && ($state['next_at'] ?? 0) <= time();
    }

    public function state(): array
    {
        $text = @file_get_contents($this->folder() . '/state.json');
        $state = $text === false ? null : json_decode($text, true);
        return is_array($state) ? $state : [];
    }

    /** Stores the status; returns false if the folder is not writable. */
    public function note(array $news): bool
    {
        $state = json_encode($news + $this->state());
        $file = $this->folder() . '/state.json';
        // Atomically: others may read it at any time.
        $draft = $file . '.' . getmypid();
        return @file_put_contents($draft, $state) !== false && @rename($draft, $file);
    }

    /** Records a row set aside because Gancho can never accept it. */
    public function noteRefused(string $table, string $sentence): void
    {
        $refused = ($this->state()['refused'] ?? 0) + 1;
        $this->note(['refused' => $refused, 'last_refused' => "$table: $sentence"]);
    }

    /** The captured tables, for requests in which models report. */
    public function cache(array $tables): void
    {
        $this->note(['tables' => $tables]);
    }

    public function noteFailure(string $sentence, int $most): void
    {
        $failures = ($this->state()['failures'] ?? 0) + 1;
        $wait = min(2 ** min($failures, 10) * 2, $most);
        $this->note(['failures' => $failures, 'next_at' => time() + $wait, 'last_error' => $sentence, 'last_error_at' => time()]);
    }

    /** Number of rows of the next batch: raised while a change group is larger. */
    public function lookRows(): int
    {
        return (int)($this->state()['look_rows'] ?? 0);
    }

    public function noteLookRows(int $rows): void
    {
        if ($rows !== $this->lookRows()) {
            $this->note(['look_rows' => $rows]);
        }
    }

    /** Gancho accepted a batch; `$primed`: including reference rows. */
    public function notePush(bool $primed = true): void
    {
        $primed = $primed || ($this->state()['primed'] ?? false);
        $this->note(['failures' => 0, 'next_at' => 0, 'primed' => $primed, 'last_error' => null, 'last_push_at' => time()]);
    }

    private static function list(string $text): array
    {
        return array_values(array_filter(array_map('trim', preg_split('/[\s,]+/', $text) ?: [])));
    }
}
