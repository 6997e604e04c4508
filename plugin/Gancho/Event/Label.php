<?php
namespace FacturaScripts\Plugins\Gancho\Event;

/** The display name of a record. */
final class Label
{
    private const LENGTH_MAX = 80;

    /**
     * A document's number, a receipt's invoice and number, otherwise the name, reference or key that the ERP's lists
     * show.
     */
    public static function of(array $record): ?string
    {
        $text = function (string $column) use ($record): ?string {
            $value = $record[$column] ?? null;
            return match (true) {
                is_string($value) && self::trimmed($value) !== '' => self::trimmed($value),
                is_int($value), is_float($value) => Json::write($value),
                default => null,
            };
        };
        $label = $text('codigo');
        if ($label === null && $text('codigofactura') !== null && $text('numero') !== null) {
            $label = $text('codigofactura') . '-' . $text('numero');
        }
        if ($label === null && array_key_exists('idpago', $record)) {
            $label = $text('idrecibo');
        }
        $label ??= $text('nombre') ?? $text('referencia') ?? $text('nick');
        return $label === null ? null : preg_replace('/^(.{' . self::LENGTH_MAX . '}).*$/us', '$1', $label);
    }

    private static function trimmed(string $text): string
    {
        return (string)preg_replace('/^[\s\x{85}\p{Z}]+|[\s\x{85}\p{Z}]+$/u', '', $text);
    }
}
