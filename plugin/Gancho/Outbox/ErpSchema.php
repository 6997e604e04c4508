<?php
namespace FacturaScripts\Plugins\Gancho\Outbox;

/**
 * What is known of the ERP's tables: which are captured, which columns are ignored and which are secret.
 */
final class ErpSchema
{
    private static ?array $facts = null;

    /** Made from what Gancho itself knows, so that both know the same. */
    private static function facts(string $name): array
    {
        self::$facts ??= json_decode((string)file_get_contents(dirname(__DIR__) . '/facts.json'), true, 16, JSON_THROW_ON_ERROR);
        return self::$facts[$name];
    }

    /** @return array<string, string> models captured by default, each with its table */
    public static function models(): array
    {
        return array_column(self::facts('models'), 1, 0);
    }

    /** @return array<string, string> without these nothing else can be understood: always captured */
    public static function always(): array
    {
        return array_column(self::facts('always'), 1, 0);
    }

    /** @return array<string, array> tables of documents, each with the table of their lines, its model, and the column that names the document */
    public static function lines(): array
    {
        return self::facts('lines');
    }

    /** By which column a row is known: the primary key may hold another beside it, such as that of a partition. */
    public static function keyOf(string $table): ?string
    {
        return self::facts('keys')[$table] ?? null;
    }

    /** @return array<string, string> of a table that Gancho knows: its columns by kind, their names in one text */
    public static function columns(string $table): array
    {
        return self::facts('columns')[$table] ?? [];
    }

    /** What kind of thing a table of the catalogue holds: it decides which rules apply. */
    public static function kindOf(string $table): ?string
    {
        return self::facts('catalogue')[$table][1] ?? null;
    }

    /** The noun of a table's events. */
    public static function nounOf(string $table): ?string
    {
        return self::facts('catalogue')[$table][0] ?? null;
    }

    /** @return array{0: string, 1: string}|null the columns that say that records of a kind are paid, and due */
    public static function flagsOf(string $kind): ?array
    {
        return self::facts('flags')[$kind] ?? null;
    }

    /** @return array{last: int, generate: int[], editable: int[]} what states of documents do in a new installation */
    public static function newStates(): array
    {
        return self::facts('new_states');
    }

    /** @return array<int, array{0: string, 1: string, 2: string[]}> nouns of events, each with its area of the business and its verbs */
    public static function events(): array
    {
        return self::facts('events');
    }

    /** @return array<int, array{0: string, 1: string}> ranges of addresses that are not called, each with the reason */
    public static function refusedAddresses(): array
    {
        return self::facts('refused_addresses');
    }

    /** @return string[] where clouds hand out credentials */
    public static function metadataAddresses(): array
    {
        return self::facts('metadata_addresses');
    }

    /** Whether a webhook may not add a header field of this name. */
    public static function isForbiddenHeader(string $name): bool
    {
        [$names, $beginnings] = self::facts('forbidden_headers');
        $name = strtolower($name);
        return in_array($name, $names, true) || array_filter($beginnings, fn($beginning) => str_starts_with($name, $beginning)) !== [];
    }

    /** @return array<string, string> what the ERP writes in the place of some signs, and these */
    public static function entities(): array
    {
        return self::facts('entities');
    }

    /** `data` of a sample of `invoice.created`. */
    public static function sample(): array
    {
        return self::facts('sample');
    }

    /** The model of a table, or the name itself. */
    public static function modelOf(string $table): string
    {
        return self::facts('table_models')[$table] ?? $table;
    }

    /** Whether a change of this column alone makes no event. */
    public static function isIgnored(string $table, string $column): bool
    {
        return in_array($column, self::facts('ignored')[$table] ?? [], true);
    }

    public static function isSecretTable(string $table): bool
    {
        return in_array($table, self::facts('secret_tables'), true);
    }

    public static function isSecret(string $column): bool
    {
        $column = strtolower($column);
        return preg_match('/' . self::secretPattern() . '/', $column) === 1;
    }

    /** What names of secret columns look like, as a regular expression. */
    public static function secretPattern(): string
    {
        return '(^(' . implode('|', self::facts('secret_columns')) . ')|' . implode('|', self::facts('secret_endings')) . ')$';
    }

    /** A record without its secrets. */
    public static function shown(array $record): array
    {
        return array_filter($record, fn($column) => !self::isSecret($column), ARRAY_FILTER_USE_KEY);
    }

    /** The table of a model, or the name itself if it is a table's. */
    public static function tableOf(string $model): string
    {
        $known = array_search($model, self::facts('table_models'), true);
        return $known === false ? $model : $known;
    }

    /**
     * The document that a table holds lines of: its table and the column that names it.
     *
     * @return array{0: string, 1: string}|null
     */
    public static function documentOf(string $lines): ?array
    {
        foreach (self::lines() as $document => [$table, , $column]) {
            if ($table === $lines) {
                return [$document, $column];
            }
        }
        return null;
    }
}
