<?php
namespace FacturaScripts\Plugins\Gancho\Capture;

use FacturaScripts\Plugins\Gancho\Outbox\Facts;

/** A record that somebody opened. */
final class Opened
{
    public static function shown(array $record): array
    {
        return array_filter($record, fn($column) => !Facts::isSecret($column), ARRAY_FILTER_USE_KEY);
    }
}
