<?php
namespace FacturaScripts\Plugins\Gancho\Webhook;

/** Ids like the server's: a prefix and a UUID v7, which sorts by creation time. */
final class Id
{
    private const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

    /** `$prefix`: `evt`, `ep`, `dlv` or `src`. */
    public static function make(string $prefix): string
    {
        $bytes = substr(pack('J', (int)(microtime(true) * 1000)), 2) . random_bytes(10);
        // RFC 9562, 5.7: version 7, variant 10.
        $bytes[6] = chr((ord($bytes[6]) & 0x0f) | 0x70);
        $bytes[8] = chr((ord($bytes[8]) & 0x3f) | 0x80);
        return $prefix . '_' . self::encode($bytes);
    }

    /** 16 bytes as 26 digits of 5 bits, the first of which holds 3. */
    private static function encode(string $bytes): string
    {
        $bits = '00';
        foreach (str_split($bytes) as $byte) {
            $bits .= str_pad(decbin(ord($byte)), 8, '0', STR_PAD_LEFT);
        }
        return implode('', array_map(fn($five) => self::ALPHABET[bindec($five)], str_split($bits, 5)));
    }
}
