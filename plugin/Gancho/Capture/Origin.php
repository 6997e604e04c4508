<?php
namespace FacturaScripts\Plugins\Gancho\Capture;

use FacturaScripts\Core\Base\DataBase;
use FacturaScripts\Core\Tools;

/**
 * The origin of this request's changes: a user, an API key, or cron. It is set on the database connection, where
 * triggers read it, also those of Gancho's own connection to the database.
 *
 * The ERP determines it only after plugins have started, and does not expose it; so the plugin determines it by the
 * same rules: unverified claims in a request are never used.
 */
final class Origin
{
    /** Once per request, and only if the request may write. */
    public static function mark(DataBase $db): void
    {
        $origin = self::find($db);
        $json = $origin === null ? '' : (string)json_encode($origin, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_INVALID_UTF8_SUBSTITUTE);
        // Also if there is none: a pooled connection would keep an earlier request's origin.
        self::set($db, $json);
        if ($origin !== null && $origin['kind'] !== 'cron') {
            Queue::attend();
        }
    }

    /** From here on, changes have no origin. */
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
            // The ERP runs each `exec` in a transaction: three round trips instead of one.
            $db->select("SELECT @gancho_origin := nullif($text, '')");
        }
    }

    /** @return array{kind: string, id?: int|string, name?: string}|null */
    private static function find(DataBase $db): ?array
    {
        $path = (string)parse_url($_SERVER['REQUEST_URI'] ?? '', PHP_URL_PATH);
        // The ERP may be installed in a subfolder.
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
        // The key of the configuration file has no row and no number.
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
            // Compared here, regardless of the database's collation.
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
