<?php
namespace FacturaScripts\Plugins\Gancho\Outbox;

/**
 * Where a web server keeps the user waiting until PHP ends, a request of our own to the same site does the
 * handing over. It is sent and not waited for.
 */
final class Kick
{
    public const ROUTE = '/gancho-push';
    private const PATIENCE = 0.1;

    public static function self(): void
    {
        $address = $_SERVER['SERVER_ADDR'] ?? $_SERVER['SERVER_NAME'] ?? '';
        if (!self::mayWrite() || $address === '' || !isset($_SERVER['SERVER_PORT'])) {
            return;
        }
        $secure = !empty($_SERVER['HTTPS']) && $_SERVER['HTTPS'] !== 'off';
        $host = str_contains($address, ':') ? '[' . trim($address, '[]') . ']' : $address;
        $target = ($secure ? 'tls' : 'tcp') . "://$host:{$_SERVER['SERVER_PORT']}";
        // It is this very machine, by whatever name its certificate is.
        $context = stream_context_create(['ssl' => ['verify_peer' => false, 'verify_peer_name' => false]]);
        $socket = @stream_socket_client($target, $code, $why, self::PATIENCE, STREAM_CLIENT_CONNECT, $context);
        if ($socket === false) {
            return;
        }
        $name = preg_replace('/[^A-Za-z0-9.:\[\]-]/', '', $_SERVER['HTTP_HOST'] ?? 'localhost');
        $base = defined('FS_ROUTE') ? FS_ROUTE : '';
        stream_set_timeout($socket, 0, 100000);
        @fwrite($socket, 'GET ' . $base . self::ROUTE . " HTTP/1.1\r\nHost: $name\r\nConnection: close\r\n\r\n");
        @fclose($socket);
    }

    /** Requests that only look leave nothing behind, and this one is not to call itself. */
    private static function mayWrite(): bool
    {
        $path = parse_url($_SERVER['REQUEST_URI'] ?? '', PHP_URL_PATH) ?: '';
        return ($_SERVER['REQUEST_METHOD'] ?? 'GET') !== 'GET' || isset($_GET['action']) || str_ends_with($path, '/cron');
    }
}
