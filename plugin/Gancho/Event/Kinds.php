<?php
namespace FacturaScripts\Plugins\Gancho\Event;

use FacturaScripts\Plugins\Gancho\Outbox\ErpSchema;

/** The types of columns, which determine how values are written. */
final class Kinds
{
    /** @var array<string, array<string, string>> by table and column */
    private static array $known = [];

    /** The type of a column of a known table. */
    public static function of(string $table, string $column): ?string
    {
        self::$known[$table] ??= self::read($table);
        return self::$known[$table][$column] ?? null;
    }

    /** From a type name of MariaDB or PostgreSQL. */
    public static function ofDatabase(string $name): string
    {
        $name = strtolower(trim($name));
        $word = preg_split('/[( ]/', $name)[0];
        return match (true) {
            str_starts_with($name, 'tinyint(1)'), in_array($word, ['bool', 'boolean'], true) => 'bool',
            in_array($word, ['tinyint', 'smallint', 'mediumint', 'int', 'integer', 'bigint', 'int2', 'int4', 'int8',
                'serial', 'bigserial', 'year'], true) => 'int',
            in_array($word, ['double', 'float', 'float4', 'float8', 'real', 'decimal', 'numeric'], true) => 'number',
            $word === 'date' => 'date',
            $word === 'time' => 'time',
            in_array($word, ['timestamp', 'datetime', 'timestamptz'], true) => 'timestamp',
            default => 'text',
        };
    }

    private static function read(string $table): array
    {
        $kinds = [];
        foreach (ErpSchema::columns($table) as $kind => $names) {
            $kinds += array_fill_keys(explode(' ', $names), $kind);
        }
        return $kinds;
    }
}
