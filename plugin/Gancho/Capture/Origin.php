<?php
namespace FacturaScripts\Plugins\Gancho\Capture;

use FacturaScripts\Core\Base\DataBase;
use FacturaScripts\Core\Tools;

/**
 * Who writes in this request: a user, a key of the API, or cron. It is handed to the database's connection, from where
 * triggers take it, those of Gancho's own connection to a database too.
 *
 * The ERP finds out only after plugins have begun, and tells nobody; so the same is looked up here, by the same rules: what
 * a request merely claims is never handed on.
 */
final class Origin
{
    /** Once a request, and only where it may write. */
    public static function mark(DataBase $db): void
    {
        $origin = self::find($db);
        $json = $origin === null ? '' : (string)json_encode($origin, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_INVALID_UTF8_SUBSTITUTE);
        // Also where there is none: a connection of a pool would keep that of an earlier request.
        self::set($db, $json);
        if ($origin !== null && $origin['kind'] !== 'cron') {
            Queue::attend();
        }
    }

    /** From here on, nobody in particular writes. */
    public static function clear(DataBase $db): void
    {
        self::set($db, '');
    }

    private static function set(DataBase $db, string $json): void
    {
        $text = self::text($db, $json);
        if ($db->type() === 'postgresql') {
            $db->select("SELECT set_config('gancho.origin', $text, false)");
        } else {
            // The ERP makes a transaction of each `exec`: three round trips for one.
            $db->select("SELECT @gancho_origin := nullif($text, '')");
        }
    }

    /** @return array{kind: string, id?: int|string, name?: string}|null */
    private static function find(DataBase $db): ?array
    {
        $path = (string)parse_url($_SERVER['REQUEST_URI'] ?? '', PHP_URL_PATH);
        // The ERP may live in a folder.
        $folder = (string)Tools::config('route');
        if ($folder !== '' && str_starts_with($path, $folder)) {
            $path = substr($path, strlen($folder));
        }
        if (($_SERVER['argv'][1] ?? '') === '-cron' || $path === '/cron') {
            return ['kind' => 'cron'];
        }
        $key = (string)($_SERVER['HTTP_X_AUTH_TOKEN'] ?? $_SERVER['HTTP_TOKEN'] ?? '');
        if (preg_match('#^/api(/|$)#', $path)) {
            return $key === '' ? null : self::ofKey($db, $key);
        }
        return self::ofUser($db, (string)($_COOKIE['fsNick'] ?? ''), (string)($_COOKIE['fsLogkey'] ?? ''));
    }

    private static function ofKey(DataBase $db, string $key): ?array
    {
        // The one of the configuration file has no row and no number.
        if ($key === Tools::config('api_key')) {
            return ['kind' => 'api', 'id' => 0, 'name' => 'config.php'];
        }
        $found = self::rows($db, 'SELECT id, description, apikey FROM api_keys WHERE enabled AND apikey = ' . self::text($db, $key));
        foreach ($found as $row) {
            if ($row['apikey'] === $key) {
                return ['kind' => 'api', 'id' => (int)$row['id']] + self::named($row['description']);
            }
        }
        return null;
    }

    private static function ofUser(DataBase $db, string $nick, string $logkey): ?array
    {
        if ($nick === '' || $logkey === '') {
            return null;
        }
        $found = self::rows($db, 'SELECT nick, logkey FROM users WHERE enabled AND nick = ' . self::text($db, $nick));
        foreach ($found as $row) {
            // Not left to the database's collation.
            if ($row['logkey'] !== null && hash_equals($row['logkey'], $logkey)) {
                return ['kind' => 'user', 'id' => $row['nick']];
            }
        }
        return null;
    }

    private static function rows(DataBase $db, string $select): array
    {
        return $db->select($select) ?: [];
    }

    private static function text(DataBase $db, string $text): string
    {
        return "'" . $db->escapeString($text) . "'";
    }

    private static function named(?string $name): array
    {
        return (string)$name === '' ? [] : ['name' => $name];
    }
}
