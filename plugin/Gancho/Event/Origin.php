<?php
namespace FacturaScripts\Plugins\Gancho\Event;

/** Who, or what, wrote to the ERP. */
final class Origin
{
    private const KINDS = ['user', 'api', 'cron', 'sql'];

    /** As a row of the outbox has it; nothing where its text can't be parsed. */
    public static function read(?string $text): ?array
    {
        $read = $text === null ? null : json_decode($text, true);
        if (!is_array($read) || !in_array($read['kind'] ?? null, self::KINDS, true) || !is_string($read['name'] ?? '')) {
            return null;
        }
        return array_filter(['kind' => $read['kind'], 'id' => $read['id'] ?? null, 'name' => $read['name'] ?? null], fn($part) => $part !== null);
    }

    /**
     * The one from which all of these come. Where another had a part, or is not known, there is none: what somebody
     * else changed too is news to everybody.
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

    /** The same in short: `api:3`, `cron`. */
    public static function reference(array $origin): string
    {
        return $origin['kind'] . (isset($origin['id']) ? ':' . (is_string($origin['id']) ? $origin['id'] : Json::write($origin['id'])) : '');
    }
}
