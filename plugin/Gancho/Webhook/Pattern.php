<?php
namespace FacturaScripts\Plugins\Gancho\Webhook;

/** The patterns of a webhook's subscriptions: `invoice.paid`, `invoice.*`, `*`. */
final class Pattern
{
    public static function isOne(string $text): bool
    {
        $type = '/^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$/D';
        $starred = '/^(?!.*\*\*)[a-z0-9_*]+(\.[a-z0-9_*]+)*$/D';
        return strlen($text) <= 100 && preg_match(str_contains($text, '*') ? $starred : $type, $text) === 1;
    }

    /** Gancho's own events and snapshots match only patterns that name them. */
    public static function matches(string $pattern, string $type): bool
    {
        $noun = strtok($type, '.');
        $isNamed = in_array($noun, ['endpoint', 'source'], true) ? explode('.', $pattern)[0] === $noun
            : !str_ends_with($type, '.snapshot') || str_ends_with($pattern, '.snapshot');
        return $isNamed && preg_match('/^' . str_replace('\*', '.+', preg_quote($pattern, '/')) . '$/D', $type) === 1;
    }
}
