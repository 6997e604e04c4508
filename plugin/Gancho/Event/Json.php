<?php
namespace FacturaScripts\Plugins\Gancho\Event;

/**
 * Canonical JSON, the same as the server's: keys sorted by bytes, no whitespace, doubles as in RFC 8785. The same value
 * gives the same bytes, regardless of PHP's settings.
 */
final class Json
{
    private const FLAGS = JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_LINE_TERMINATORS
        | JSON_INVALID_UTF8_SUBSTITUTE;

    /** Objects are stdClass or associative arrays; an empty array is a list. */
    public static function write(mixed $value): string
    {
        return match (true) {
            $value === null => 'null',
            is_bool($value) => $value ? 'true' : 'false',
            is_int($value) => (string)$value,
            is_float($value) => self::double($value),
            is_string($value) => (string)json_encode($value, self::FLAGS),
            is_array($value) && array_is_list($value) => '[' . implode(',', array_map([self::class, 'write'], $value)) . ']',
            default => self::object((array)$value),
        };
    }

    /** Whether two values have the same JSON. */
    public static function same(mixed $one, mixed $other): bool
    {
        return $one === $other || ((is_array($one) || is_object($one)) && self::write($one) === self::write($other));
    }

    /** Parses JSON; an empty object stays an object. */
    public static function read(string $text): mixed
    {
        return json_decode($text);
    }

    private static function object(array $fields): string
    {
        uksort($fields, fn($one, $other) => strcmp((string)$one, (string)$other));
        $written = [];
        foreach ($fields as $name => $value) {
            $written[] = json_encode((string)$name, self::FLAGS) . ':' . self::write($value);
        }
        return '{' . implode(',', $written) . '}';
    }

    /** A number as in ECMAScript (RFC 8785, 3.2.2.3): the shortest digits that restore it. */
    private static function double(float $double): string
    {
        if (!is_finite($double)) {
            return 'null';
        }
        if ($double == 0.0) {
            return '0';
        }
        [$digits, $point] = self::digits(abs($double));
        $sign = $double < 0 ? '-' : '';
        $count = strlen($digits);
        if ($point > 21 || $point < -5) {
            $mantissa = $count === 1 ? $digits : $digits[0] . '.' . substr($digits, 1);
            return $sign . $mantissa . 'e' . ($point > 0 ? '+' : '-') . abs($point - 1);
        }
        if ($point <= 0) {
            return $sign . '0.' . str_repeat('0', -$point) . $digits;
        }
        return $sign . ($count <= $point ? str_pad($digits, $point, '0') : substr($digits, 0, $point) . '.' . substr($digits, $point));
    }

    /**
     * The shortest digits of a positive number, and the position of its decimal point after the first one.
     *
     * @return array{0: string, 1: int}
     */
    private static function digits(float $double): array
    {
        $before = ini_set('serialize_precision', '-1');
        $text = strtolower((string)json_encode($double));
        if ($before !== false) {
            ini_set('serialize_precision', $before);
        }
        [$mantissa, $exponent] = explode('e', $text) + [1 => '0'];
        [$whole, $part] = explode('.', $mantissa) + [1 => ''];
        $all = $whole . $part;
        $digits = ltrim($all, '0');
        $point = strlen($whole) + (int)$exponent - (strlen($all) - strlen($digits));
        return [rtrim($digits, '0'), $point];
    }
}
