<?php
namespace FacturaScripts\Plugins\Gancho\Outbox;

use FacturaScripts\Plugins\Gancho\Server\Settings;
use FacturaScripts\Plugins\Gancho\Webhook\Vault;

/**
 * Where a web server keeps the user waiting until PHP ends, a request of our own to the same site does the
 * handing over. It is sent and not waited for.
 */
final class TriggerPush
{
    public const ROUTE = '/gancho-push';
    private const PATIENCE = 0.05;
    private const VALID_S = 60;

    /** Whether somebody was reached who will do it. */
    public static function self(Settings $settings): bool
    {
        $name = preg_replace('/[^A-Za-z0-9.:\[\]-]/', '', $_SERVER['HTTP_HOST'] ?? 'localhost');
        $base = defined('FS_ROUTE') ? FS_ROUTE : '';
        foreach (self::targets($settings) as $target) {
            // It is this very machine, by whatever name its certificate is.
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

    /** That it is one of ours, and when: nobody else makes this site work. */
    private static function signature(Settings $settings): string
    {
        $vault = Vault::open($settings->folder());
        $now = time();
        return $vault === null ? '' : "?at=$now&by=" . $vault->sign(self::ROUTE . $now);
    }

    /** Whether a request for the handing over is ours; any, where there is no key. */
    public static function isOurs(Settings $settings, string $at, string $by): bool
    {
        $vault = Vault::open($settings->folder());
        return $vault === null || (abs(time() - (int)$at) < self::VALID_S && hash_equals($vault->sign(self::ROUTE . (int)$at), $by));
    }

    /** Where this site may be reached from here: what worked before first. The port it is asked by may be a proxy's. */
    private static function targets(Settings $settings): array
    {
        $address = $_SERVER['SERVER_ADDR'] ?? $_SERVER['SERVER_NAME'] ?? '127.0.0.1';
        $host = str_contains($address, ':') ? '[' . trim($address, '[]') . ']' : $address;
        $port = (int)($_SERVER['SERVER_PORT'] ?? 80);
        $secure = !empty($_SERVER['HTTPS']) && $_SERVER['HTTPS'] !== 'off';
        $targets = [$settings->state()['kick'] ?? '', ($secure ? 'tls' : 'tcp') . "://$host:$port", "tcp://$host:80"];
        return array_values(array_unique(array_filter($targets)));
    }

    /** Requests that only look leave nothing behind, and this one is not to call itself. */
    public static function mayWrite(): bool
    {
        $path = parse_url($_SERVER['REQUEST_URI'] ?? '', PHP_URL_PATH) ?: '';
        return ($_SERVER['REQUEST_METHOD'] ?? 'GET') !== 'GET' || isset($_GET['action']) || str_ends_with($path, '/cron');
    }
}
