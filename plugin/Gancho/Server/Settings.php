<?php
namespace FacturaScripts\Plugins\Gancho\Server;

use FacturaScripts\Core\Base\DataBase;
use FacturaScripts\Plugins\Gancho\Webhook\Vault;

/**
 * What people set, in a table of our own that the ERP's API does not show; and how the handing over goes, in a
 * small file, so that a request with nothing to do for us asks the database nothing.
 */
final class Settings
{
    public const VERSION = '1.0';
    private const TABLE = 'ganchoplugin_settings';
    private const DEFAULTS = ['url' => '', 'token' => '', 'admin_token' => '', 'models' => '', 'loaded' => '', 'way' => 'push', 'keep' => '', 'allow_hosts' => '', 'keep_days' => '30', 'keep_mb' => '200'];

    /** Values that nobody but us is to read, and how they begin once they are encrypted. */
    private const SECRETS = ['token', 'admin_token'];
    private const SEALED = 'sealed:';

    /** Cron that did not run for so long is spoken of, and nothing is left to it, seconds. */
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

    /** Reads them; the table is made where it is not there. Not to be called within a transaction. */
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

    /** Keys are kept encrypted: any list page of the ERP can be asked for any column. Older ones are as they were entered. */
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

    /** Encrypts keys that an older version kept as they are. */
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
        // Whoever changed something wants to see at once whether it works now.
        $news = ['failures' => 0, 'next_at' => 0, 'primed' => false, 'loaded' => $this->loaded(), 'ready' => $this->isActive()];
        return $this->note($news) && $done;
    }

    /** Takes the table away, with the keys in it. */
    public function forget(DataBase $db): void
    {
        $db->exec('DROP TABLE IF EXISTS ' . self::TABLE);
        $this->values = self::DEFAULTS;
    }

    public function get(string $name): string
    {
        return $this->values[$name] ?? self::DEFAULTS[$name] ?? '';
    }

    /** @return string[]|null those of the catalogue if none are named */
    public function models(): ?array
    {
        if ($this->values === null) {
            $db = new DataBase();
            $db->connect();
            $this->read($db);
        }
        return self::list($this->get('models')) ?: null;
    }

    /** Models of which people's opening one is reported. */
    public function loaded(): array
    {
        return self::list($this->get('loaded'));
    }

    public function isPushing(): bool
    {
        return $this->get('way') === 'push' && $this->get('url') !== '' && $this->get('token') !== '';
    }

    /** Whether the plugin sends by itself. */
    public function isAlone(): bool
    {
        return $this->get('way') === 'alone';
    }

    /** Whether the ERP's cron runs, on which retries depend while nobody uses the ERP. */
    public function isCronRunning(): bool
    {
        return ($this->state()['cron_at'] ?? 0) + self::CRON_S > time();
    }

    /** Whether cron has done its work of late: then it may be left more. */
    public function isCronDoing(): bool
    {
        return abs(time() - (int)($this->state()['cron_done_at'] ?? 0)) < self::CRON_S;
    }

    /** Whether requests have anything to do for us. */
    public function isActive(): bool
    {
        // Also what the plugin sent before still waits for somebody, where a server has taken over since.
        return $this->isPushing() || $this->isAlone() || ($this->state()['alone'] ?? false);
    }

    /** @return string[] hosts, addresses and ranges that may be called though they are refused by themselves */
    public function allowed(): array
    {
        return self::list(strtolower($this->get('allow_hosts')));
    }

    public function isFetched(): bool
    {
        return $this->get('way') === 'fetch';
    }

    /**
     * Whether the ERP has looked at its tables since we did, as it does after another plugin was switched on or
     * updated: columns may have come.
     */
    public function areTablesNew(): bool
    {
        $state = $this->state();
        return isset($state['tables_seen']) && !$this->isOff() && $state['tables_seen'] !== self::tablesMark();
    }

    /** Whether the plugin was switched off: whoever is still at work puts nothing more in place. */
    public function isOff(): bool
    {
        return is_file($this->folder() . '/off');
    }

    /** In a file of its own: whoever notes something else at the same moment does not overwrite it. */
    public function setOff(bool $off): void
    {
        $off ? @touch($this->folder() . '/off') : @unlink($this->folder() . '/off');
        clearstatcache();
    }

    /** When the ERP looked at its tables last: it notes those it has looked at in a file. */
    public static function tablesMark(): string
    {
        $file = FS_FOLDER . '/MyFiles/db-updater.json';
        clearstatcache(true, $file);
        return is_file($file) ? filemtime($file) . ' ' . filesize($file) : '';
    }

    /** Whether a request should look at all: nothing is set, or a failure is too recent. */
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

    /** Keeps how it goes; no where the folder can't be written. */
    public function note(array $news): bool
    {
        $state = json_encode($news + $this->state());
        $file = $this->folder() . '/state.json';
        // Whole or not at all: others read it at any moment.
        $draft = $file . '.' . getmypid();
        return @file_put_contents($draft, $state) !== false && @rename($draft, $file);
    }

    /** A row that Gancho can never take was put aside. */
    public function noteRefused(string $table, string $sentence): void
    {
        $refused = ($this->state()['refused'] ?? 0) + 1;
        $this->note(['refused' => $refused, 'last_refused' => "$table: $sentence"]);
    }

    /** The tables that are captured, for requests in which models report. */
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

    /** How many rows the next look is to show: more while one act is larger than that. */
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

    /** Gancho took what it was sent; `$primed`: also what must be known beforehand. */
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
