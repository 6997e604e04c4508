<?php
namespace FacturaScripts\Plugins\Gancho\Outbox;

use FacturaScripts\Plugins\Gancho\Server\Settings;
use FacturaScripts\Plugins\Gancho\Webhook\Vault;

/**
 * If the web server keeps the user waiting until PHP ends, a request to the same site pushes instead. Its response is
 * not waited for.
 */
final class TriggerPush
{
    public const ROUTE = '/gancho-push';
    private const PATIENCE = 0.05;
    private const VALID_S = 60;

    /** Whether the request was sent. */
    public static function self(Settings $settings): bool
    {
        $name = preg_replace('/[^A-Za-z0-9.:\[\]-]/', '', $_SERVER['HTTP_HOST'] ?? 'localhost');
        $base = defined('FS_ROUTE') ? FS_ROUTE : '';
        foreach (self::targets($settings) as $target) {
            // It is this machine, whatever its certificate's name.
            $context = stream_context_create(['ssl' => ['verify_peer' => false, 'verify_peer_name' => false]]);
            $socket = @stream_socket_client($target, $code, $why, self::PATIENCE, STREAM_CLIENT_CONNECT, $context);
            if ($socket === false) {
                continue;
            }
            stream_set_timeout($socket, 0, (int)(self::PATIENCE * 1e6));
            @fwrite($socket, 'GET ' . $base . self::ROUTE . self::signature($settings) . " HTTP/1.1\r\nHost: $name\r\nConnection: close\r\n\r\n");
            @fclose($socket);
            if (($settings->state()['kick'] ?? '') !== $target) {
                $settings->note(['kick' => $target]);
            }
            return true;
        }
        return false;
    }

    /** Signs the request with its time, so that only the plugin can trigger a push. */
    private static function signature(Settings $settings): string
    {
        $vault = Vault::open($settings->folder());
        $now = time();
        return $vault === null ? '' : "?at=$now&by=" . $vault->sign(self::ROUTE . $now);
    }

    /** Whether a push request is signed by the plugin; always true without a key. */
    public static function isOurs(Settings $settings, string $at, string $by): bool
    {
        $vault = Vault::open($settings->folder());
        return $vault === null || (abs(time() - (int)$at) < self::VALID_S && hash_equals($vault->sign(self::ROUTE . (int)$at), $by));
    }

    /** Possible addresses of this site from here, the last working one first. The request's port may be a proxy's. */
    private static function targets(Settings $settings): array
    {
        $address = $_SERVER['SERVER_ADDR'] ?? $_SERVER['SERVER_NAME'] ?? '127.0.0.1';
        $host = str_contains($address, ':') ? '[' . trim($address, '[]') . ']' : $address;
        $port = (int)($_SERVER['SERVER_PORT'] ?? 80);
        $secure = !empty($_SERVER['HTTPS']) && $_SERVER['HTTPS'] !== 'off';
        $targets = [$settings->state()['kick'] ?? '', ($secure ? 'tls' : 'tcp') . "://$host:$port", "tcp://$host:80"];
        return array_values(array_unique(array_filter($targets)));
    }

    /** Requests that only read leave no rows, and the push request must not trigger itself. */
    public static function mayWrite(): bool
    {
        $path = parse_url($_SERVER['REQUEST_URI'] ?? '', PHP_URL_PATH) ?: '';
        return ($_SERVER['REQUEST_METHOD'] ?? 'GET') !== 'GET' || isset($_GET['action']) || str_ends_with($path, '/cron');
    }
}
