<?php
namespace FacturaScripts\Plugins\Gancho\Event;

/** The origin of a change: who or what made it in the ERP. */
final class Origin
{
    private const KINDS = ['user', 'api', 'cron', 'sql'];

    /** Parses the origin in an outbox row; null if it is invalid. */
    public static function read(?string $text): ?array
    {
        $read = $text === null ? null : json_decode($text, true);
        if (!is_array($read) || !in_array($read['kind'] ?? null, self::KINDS, true) || !is_string($read['name'] ?? '')) {
            return null;
        }
        return array_filter(['kind' => $read['kind'], 'id' => $read['id'] ?? null, 'name' => $read['name'] ?? null], fn($part) => $part !== null);
    }

    /**
     * The origin shared by all of these; null if they differ or one is unknown, since a change that involves another
     * origin must not be ignored.
     */
    public static function shared(array $origins): ?array
    {
        $first = array_values($origins)[0] ?? null;
        foreach ($origins as $origin) {
            if ($first === null || $origin === null || self::reference($origin) !== self::reference($first)) {
                return null;
            }
        }
        return $first;
    }

    /** The short form: `api:3`, `cron`. */
    public static function reference(array $origin): string
    {
        return $origin['kind'] . (isset($origin['id']) ? ':' . (is_string($origin['id']) ? $origin['id'] : Json::write($origin['id'])) : '');
    }
}
