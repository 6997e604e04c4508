<?php
namespace FacturaScripts\Plugins\Gancho\Outbox;

use FacturaScripts\Core\Base\DataBase;
use FacturaScripts\Core\Kernel;
use FacturaScripts\Plugins\Gancho\Server\Settings;

/**
 * The oldest rows of the outbox with their documents, in the format for Gancho.
 */
final class Payload
{
    private const CUSTOMERS = 'clientes';

    public static function at(DataBase $db, Settings $settings, CapturePlan $plan, int $rows, bool $known = false): array
    {
        $engine = Engine::of($db);
        $engine->refresh();
        $known = $known || !($settings->state()['primed'] ?? false) ? self::known($engine, $plan) : [];
        return self::of($engine, $settings, $plan, $engine->look($rows), $known);
    }

    /** These rows and their documents, as the plugin itself needs them for events. */
    public static function acts(Engine $engine, CapturePlan $plan, array $look): array
    {
        return ['tables' => self::tables($plan, array_column($look['rows'], 'table')), 'documents' => self::documents($engine, $plan, $look['rows'])] + $look;
    }

    /** These rows in the format for Gancho. */
    public static function of(Engine $engine, Settings $settings, CapturePlan $plan, array $look, array $known = []): array
    {
        $documents = self::documents($engine, $plan, $look['rows']);
        return [
            'now_ms' => $look['now_ms'],
            'tables' => (object)self::tables($plan, [...array_column($look['rows'], 'table'), ...array_keys($known)]),
            'known' => (object)$known,
            'rows' => array_map([self::class, 'asObjects'], $look['rows']),
            'documents' => $documents,
            'customers' => self::customers($engine, $plan, [...$look['rows'], ...$documents]),
            'more' => $look['more'],
            'largest' => $look['largest'] ?? false,
            'status' => self::status($engine, $settings),
        ];
    }

    /** One current record in the format for Gancho, a document with its lines; null if it is not captured. */
    public static function shown(Engine $engine, CapturePlan $plan, string $table, string $key): ?array
    {
        if (!isset($plan->tables[$table])) {
            return null;
        }
        $row = ['table' => $table, 'new' => [$plan->tables[$table]['key'] => $key], 'old' => null];
        $shown = self::documents($engine, $plan, [$row]);
        if (!isset(ErpSchema::lines()[$table])) {
            $record = $engine->records($plan, $table, $plan->tables[$table]['key'], [$key])[0] ?? null;
            $shown = [['table' => $table, 'key' => $key, 'record' => $record, 'lines' => []]];
        }
        return ['tables' => (object)self::tables($plan, [$table]), 'documents' => $shown, 'customers' => self::customers($engine, $plan, $shown)];
    }

    /** The customers in rows and documents: data that webhooks may include beside their codes. */
    private static function customers(Engine $engine, CapturePlan $plan, array $rows): array
    {
        $codes = [];
        foreach ($rows as $row) {
            $record = $row['record'] ?? $row['new'] ?? $row['old'] ?? [];
            $code = $row['table'] === self::CUSTOMERS ? null : $record['codcliente'] ?? null;
            if ((string)$code !== '') {
                $codes[(string)$code] = true;
            }
        }
        if (!$codes || !isset($plan->tables[self::CUSTOMERS])) {
            return [];
        }
        $shown = array_flip(['codcliente', 'nombre', 'email', 'cifnif']);
        $found = $engine->records($plan, self::CUSTOMERS, 'codcliente', array_map('strval', array_keys($codes)));
        return array_map(fn($customer) => array_intersect_key($customer, $shown), $found);
    }

    public static function status(Engine $engine, Settings $settings): array
    {
        $state = $settings->state();
        return [
            'plugin' => Settings::VERSION,
            'erp' => (string)Kernel::version(),
            'mode' => $state['mode'] ?? 'triggers',
            'backlog' => $engine->backlog(),
            'lost' => $engine->lost(),
            'dropped' => $engine->dropped(),
            'copy' => ($state['copy'] ?? null) === null ? null : (new Site($engine, $settings))->name(),
            'error' => $state['install_error'] ?? null,
            'unheard' => $state['unheard'] ?? [],
            'writers' => $engine->writers(),
        ];
    }

    /** All rows of the tables needed to interpret others. */
    private static function known(Engine $engine, CapturePlan $plan): array
    {
        $known = [];
        foreach (array_intersect_key(array_flip(ErpSchema::always()), $plan->tables) as $table => $model) {
            $known[$table] = $engine->records($plan, $table);
        }
        return $known;
    }

    /** These tables, with those of their lines or documents. */
    private static function tables(CapturePlan $plan, array $names): array
    {
        $names = array_unique($names);
        foreach ($names as $name) {
            $names[] = ErpSchema::lines()[$name][0] ?? $name;
            $names[] = ErpSchema::documentOf($name)[0] ?? $name;
        }
        $tables = [];
        foreach (array_intersect_key($plan->tables, array_flip($names)) as $name => $captured) {
            $columns = $captured['columns'] + array_fill_keys($captured['secrets'], 'text');
            $tables[$name] = ['key' => $captured['key'], 'columns' => array_map(null, array_keys($columns), array_values($columns))];
        }
        return $tables;
    }

    private static function documents(Engine $engine, CapturePlan $plan, array $rows): array
    {
        $wanted = [];
        foreach ($rows as $row) {
            $record = $row['new'] ?? $row['old'] ?? [];
            [$table, $column] = ErpSchema::documentOf($row['table']) ?? [$row['table'], $plan->tables[$row['table']]['key'] ?? ''];
            if (isset(ErpSchema::lines()[$table]) && isset($plan->tables[$table], $record[$column])) {
                $wanted[$table][(string)$record[$column]] = true;
            }
        }
        $documents = [];
        foreach ($wanted as $table => $keys) {
            [$linesTable, , $column] = ErpSchema::lines()[$table];
            $keys = array_map('strval', array_keys($keys));
            $lines = [];
            foreach (isset($plan->tables[$linesTable]) ? $engine->records($plan, $linesTable, $column, $keys) : [] as $line) {
                $lines[(string)$line[$column]][] = $line;
            }
            $records = array_column($engine->records($plan, $table, $column, $keys), null, $column);
            foreach ($keys as $key) {
                $documents[] = ['table' => $table, 'key' => $key, 'record' => $records[$key] ?? null, 'lines' => $lines[$key] ?? []];
            }
        }
        return $documents;
    }

    /** An empty record is encoded as an object. */
    private static function asObjects(array $row): array
    {
        foreach (['old', 'new'] as $side) {
            $row[$side] = $row[$side] === [] ? (object)[] : $row[$side];
        }
        return $row;
    }
}
