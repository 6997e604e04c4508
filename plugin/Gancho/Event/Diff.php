<?php
namespace FacturaScripts\Plugins\Gancho\Event;

use FacturaScripts\Plugins\Gancho\Outbox\ErpSchema;

/** The differences of an update. */
final class Diff
{
    /** @param array $previous the old values of changed columns, without derived ones */
    private function __construct(public array $previous)
    {
    }

    /** Compares the columns that both sides have. `$withLines`: whether `lines` are a document's. */
    public static function of(string $table, array $before, array $after, bool $withLines = true): self
    {
        $lines = $withLines ? ErpSchema::lines()[$table][0] ?? null : null;
        $previous = [];
        foreach ($before as $column => $old) {
            if (!array_key_exists($column, $after)) {
                continue;
            }
            if ($lines !== null && $column === 'lines') {
                [$old, $new] = [self::compared($lines, $old), self::compared($lines, $after[$column])];
            } elseif (ErpSchema::isIgnored($table, (string)$column)) {
                continue;
            } else {
                $new = $after[$column];
            }
            if (!Json::same($old, $new)) {
                $previous[$column] = $old;
            }
        }
        return new self($previous);
    }

    /** Whether it makes an event. */
    public function isNews(): bool
    {
        return $this->previous !== [];
    }

    private static function compared(string $table, mixed $lines): mixed
    {
        if (!is_array($lines)) {
            return $lines;
        }
        $shown = fn($line) => is_array($line)
            ? array_filter($line, fn($column) => !ErpSchema::isIgnored($table, (string)$column), ARRAY_FILTER_USE_KEY) : $line;
        return array_map($shown, $lines);
    }
}
