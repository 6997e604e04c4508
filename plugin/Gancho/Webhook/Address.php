<?php
namespace FacturaScripts\Plugins\Gancho\Webhook;

use FacturaScripts\Plugins\Gancho\Outbox\ErpSchema;

/** Addresses that are never called unless the configuration allows them one by one: the server's own table. */
final class Address
{
    /** Why an address is refused: `loopback`, `private`, …; null if it may be called. */
    public static function refusal(string $address): ?string
    {
        $bytes = inet_pton($address);
        if ($bytes === false) {
            return 'reserved';
        }
        $bytes = self::canonical($bytes);
        foreach (ErpSchema::metadataAddresses() as $metadata) {
            if (inet_pton($metadata) === $bytes) {
                return 'cloud metadata';
            }
        }
        if (strlen($bytes) === 16 && $bytes === inet_pton('::1')) {
            return 'loopback';
        }
        foreach (ErpSchema::refusedAddresses() as [$range, $why]) {
            if (self::isIn($bytes, $range)) {
                return $why;
            }
        }
        return strlen($bytes) === 16 ? self::embedded($bytes) : null;
    }

    /** Whether an address is in a range such as `10.0.0.0/8`. */
    public static function isIn(string $bytes, string $range): bool
    {
        [$net, $prefix] = explode('/', $range) + [1 => ''];
        $net = @inet_pton($net);
        if ($net === false || strlen($net) !== strlen($bytes) || !ctype_digit($prefix)) {
            return false;
        }
        [$whole, $rest] = [intdiv((int)$prefix, 8), (int)$prefix % 8];
        if (substr($net, 0, $whole) !== substr($bytes, 0, $whole)) {
            return false;
        }
        $mask = (0xff << (8 - $rest)) & 0xff;
        return $rest === 0 || $whole >= strlen($bytes) || (ord($net[$whole]) & $mask) === (ord($bytes[$whole]) & $mask);
    }

    /** ::ffff:127.0.0.1 is 127.0.0.1 */
    public static function canonical(string $bytes): string
    {
        $mapped = str_repeat("\0", 10) . "\xff\xff";
        return strlen($bytes) === 16 && str_starts_with($bytes, $mapped) ? substr($bytes, 12) : $bytes;
    }

    /** IPv6 addresses that embed one of IPv4: that one is checked, or the whole form is reserved. */
    private static function embedded(string $bytes): ?string
    {
        $v4 = fn(int $at) => self::refusal((string)inet_ntop(substr($bytes, $at, 4)));
        $zeros = fn(int $count) => str_repeat("\0", $count);
        return match (true) {
            str_starts_with($bytes, "\x00\x64\xff\x9b" . $zeros(8)) => $v4(12),
            str_starts_with($bytes, "\x20\x02") => $v4(2) ?? '6to4',
            str_starts_with($bytes, $zeros(8) . "\xff\xff\0\0") => $v4(12) ?? 'IPv4-translated',
            str_starts_with($bytes, $zeros(12)) => $v4(12) ?? 'reserved',
            default => null,
        };
    }
}
