<?php
namespace FacturaScripts\Plugins\Gancho\Event;

use FacturaScripts\Plugins\Gancho\Outbox\ErpSchema;

/**
 * Normalizes records regardless of how they were read: values by their column's type, secrets dropped.
 */
final class Shape
{
    /** Doubles represent integers exactly up to here. */
    private const EXACT_MAX = 9007199254740992.0;
    private const NUMBER = '/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/D';

    private \DateTimeZone $zone;

    /** `$zone`: the time zone of timestamps, such as `Europe/Madrid`. */
    public function __construct(string $zone)
    {
        $this->zone = new \DateTimeZone($zone);
    }

    /**
     * @param array<string, string> $types of columns unknown to Gancho, as the database names them
     */
    public function record(string $table, array $record, array $types = []): array
    {
        $shaped = [];
        foreach ($record as $name => $value) {
            $name = (string)$name;
            if (ErpSchema::isSecretTable($table) || ErpSchema::isSecret($name)) {
                continue;
            }
            $kind = Kinds::of($table, $name) ?? (isset($types[$name]) ? Kinds::ofDatabase($types[$name]) : null);
            $shaped[$name] = $kind === null ? $value : $this->value($kind, $value);
        }
        return $shaped;
    }

    /** Values that don't fit their type are kept unchanged. */
    public function value(string $kind, mixed $value): mixed
    {
        if ($kind === 'number' && is_string($value) && self::isEndless(trim($value))) {
            return null; // JSON has no such number
        }
        return match ($kind) {
            'text' => self::text($value),
            'int' => self::int($value),
            'number' => self::number($value),
            'bool' => self::bool($value),
            'date' => is_string($value) ? self::date($value) : null,
            'time' => is_string($value) ? self::time($value) : null,
            'timestamp' => is_string($value) ? $this->timestamp($value) : null,
        } ?? $value;
    }

    /** In the ERP's display order: the highest `orden` first, then by insertion. */
    public static function sortLines(array $lines): array
    {
        $number = fn($line, string $name) => is_int($line[$name] ?? null) ? $line[$name] : 0;
        usort($lines, fn($one, $other) => [$number($other, 'orden'), $number($one, 'idlinea')] <=> [$number($one, 'orden'), $number($other, 'idlinea')]);
        return $lines;
    }

    private static function text(mixed $value): ?string
    {
        return match (true) {
            // Only the ERP's own escapes: `&` itself is stored as it is.
            is_string($value) => strtr($value, ErpSchema::entities()),
            is_int($value) => (string)$value,
            is_float($value) => Json::write($value) . (self::whole($value) === null ? '' : '.0'),
            default => null,
        };
    }

    private static function int(mixed $value): ?int
    {
        if (is_string($value)) {
            $text = trim($value);
            $number = preg_match('/^[+-]?\d+$/D', $text) ? filter_var(ltrim(self::unpadded($text), '+'), FILTER_VALIDATE_INT) : false;
            return $number === false ? null : $number;
        }
        return match (true) {
            is_int($value), is_bool($value) => (int)$value,
            is_float($value) => self::whole($value),
            default => null,
        };
    }

    /** Without leading zeros, which PHP would parse as another base. */
    private static function unpadded(string $text): string
    {
        return preg_replace('/^([+-]?)0+(?=\d)/', '$1', $text);
    }

    /** 70 and 70.0 are equal, and compare as equal. */
    private static function number(mixed $value): int|float|null
    {
        $isNumber = is_string($value) ? preg_match(self::NUMBER, trim($value)) === 1 : is_int($value) || is_float($value);
        if (!$isNumber) {
            return null;
        }
        $double = (float)(is_string($value) ? trim($value) : $value);
        return self::whole($double) ?? $double;
    }

    private static function isEndless(string $text): bool
    {
        return preg_match('/^[+-]?(inf|infinity|nan)$/Di', $text) || (preg_match(self::NUMBER, $text) && is_infinite((float)$text));
    }

    private static function whole(float $double): ?int
    {
        return is_finite($double) && floor($double) === $double && abs($double) <= self::EXACT_MAX ? (int)$double : null;
    }

    private static function bool(mixed $value): ?bool
    {
        return match (true) {
            is_bool($value) => $value,
            is_int($value), is_float($value) => $value != 0,
            in_array($value, ['1', 't', 'true'], true) => true,
            in_array($value, ['0', 'f', 'false'], true) => false,
            default => null,
        };
    }

    /** `2026-11-23`, or `23-11-2026` as in the ERP's API. */
    private static function date(string $text): ?string
    {
        if (!preg_match('/^(\d{4})-(\d\d)-(\d\d)$/D', $text, $part) && !preg_match('/^(\d\d)-(\d\d)-(\d{4})$/D', $text, $part)) {
            return null;
        }
        [$year, $month, $day] = strlen($part[1]) === 4 ? [$part[1], $part[2], $part[3]] : [$part[3], $part[2], $part[1]];
        // PHP has no year 0, which is a leap year like 4.
        return checkdate((int)$month, (int)$day, (int)$year ?: 4) ? "$year-$month-$day" : null;
    }

    /** `18:30:00`; fractions of a second are cut off, the ERP has none. */
    private static function time(string $text): ?string
    {
        $text = explode('.', $text)[0];
        return preg_match('/^([01]\d|2[0-3]):[0-5]\d:[0-5]\d$/D', $text) ? $text : null;
    }

    /** RFC 3339 with the zone's offset. In the repeated hour of autumn, the earlier of the two. */
    private function timestamp(string $text): ?string
    {
        if (preg_match('/^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d(:?\d\d)?)$/Di', $text)) {
            return $text;
        }
        $parts = preg_split('/[ T]/', $text, 2);
        $date = self::date($parts[0]);
        $time = self::time($parts[1] ?? '');
        if ($date === null || $time === null) {
            return null;
        }
        return $this->at("$date $time")->format('Y-m-d\TH:i:sP');
    }

    /**
     * Converts the ERP's local time. In the repeated hour PHP's choice depends on its version; a time in the hour
     * skipped in spring continues from before it, as on the server.
     */
    private function at(string $local): \DateTimeImmutable
    {
        $utc = (new \DateTimeImmutable($local, new \DateTimeZone('UTC')))->getTimestamp();
        $moment = fn(int $seconds) => (new \DateTimeImmutable("@$seconds"))->setTimezone($this->zone);
        [$before, $after] = [$moment($utc - 86400)->getOffset(), $moment($utc + 86400)->getOffset()];
        $fits = array_filter([$before, $after], fn(int $offset) => $moment($utc - $offset)->getOffset() === $offset);
        return $moment($utc - ($fits ? max($fits) : $before));
    }
}
