<?php
namespace FacturaScripts\Plugins\Gancho\Capture;

use FacturaScripts\Core\Base\DataBase;
use FacturaScripts\Plugins\Gancho\Outbox\Engine;
use FacturaScripts\Plugins\Gancho\Outbox\ErpSchema;
use FacturaScripts\Plugins\Gancho\Outbox\Install;
use FacturaScripts\Plugins\Gancho\Outbox\Write;
use FacturaScripts\Plugins\Gancho\Server\Settings;

/**
 * Writes models' changes to the outbox like the triggers: rows as stored in the database, within the ERP's transaction.
 */
final class Models
{
    /** @var array<string, array> rows before they are changed, by table and key */
    private static array $before = [];
    /** @var array<string, array<int, array>> what a deletion takes along: table, op, old, new */
    private static array $along = [];

    /** Runs work and suppresses its errors: the ERP has priority. */
    public static function quietly(callable $work): void
    {
        try {
            $work();
        } catch (\Throwable $error) {
            // A change that could not be written is not reported; breaking a save would be worse.
        }
    }

    public static function before(object $model): void
    {
        $row = self::row($model);
        if ($row !== null) {
            self::$before[self::name($model)] = $row;
        }
    }

    public static function inserted(object $model): void
    {
        $row = self::row($model);
        if ($row !== null) {
            Write::row(new DataBase(), $model->tableName(), 'I', null, ErpSchema::shown($row));
            self::flags($model);
        }
    }

    public static function updated(object $model): void
    {
        $old = self::$before[self::name($model)] ?? null;
        unset(self::$before[self::name($model)]);
        $new = self::row($model);
        if ($old !== null && $new !== null) {
            self::change(new DataBase(), $model->tableName(), $old, $new);
        }
        self::flags($model);
    }

    public static function beforeDelete(object $model): void
    {
        self::before($model);
        self::beforeParentDelete($model);
    }

    public static function beforeParentDelete(object $model): void
    {
        self::$along[self::name($model)] = self::cascades($model);
    }

    /** Writes the rows that a deletion cascaded to. */
    public static function parentDeleted(object $model): void
    {
        $along = self::$along[self::name($model)] ?? [];
        unset(self::$along[self::name($model)]);
        foreach ($along as [$table, $op, $row, $after]) {
            Write::row(new DataBase(), $table, $op, ErpSchema::shown($row), $after === null ? null : ErpSchema::shown($after));
        }
    }

    public static function deleted(object $model): void
    {
        $name = self::name($model);
        $old = self::$before[$name] ?? null;
        unset(self::$before[$name]);
        if ($old !== null) {
            Write::row(new DataBase(), $model->tableName(), 'D', ErpSchema::shown($old), null);
        }
        self::parentDeleted($model);
        self::flags($model);
    }

    /** Writes an update, unless only ignored columns changed. */
    public static function change(DataBase $db, string $table, array $old, array $new): void
    {
        $changed = array_filter(array_keys($new), fn($column) => ($old[$column] ?? null) !== $new[$column]);
        $secrets = array_values(array_filter($changed, [ErpSchema::class, 'isSecret']));
        $news = array_filter($changed, fn($column) => !ErpSchema::isSecret($column) && !ErpSchema::isIgnored($table, $column));
        if ($news || $secrets) {
            Write::row($db, $table, 'U', ErpSchema::shown($old), ErpSchema::shown($new), $secrets);
        }
    }

    /** Rows that foreign keys delete or unlink together with this row. */
    private static function cascades(object $model): array
    {
        $db = new DataBase();
        $engine = Engine::of($db);
        $plan = (new Install($db, new Settings()))->plan();
        $along = [];
        foreach ($plan->cascades[$model->tableName()] ?? [] as $way) {
            $values = [(string)$model->{$way[0]['parent_column']}];
            foreach ($way as $step => $link) {
                $rows = $values ? $db->select('SELECT * FROM ' . $engine->name($link['child']) . ' WHERE ' . $engine->name($link['column'])
                    . ' IN (' . implode(', ', array_map([$db, 'var2str'], $values)) . ')') : [];
                $next = $way[$step + 1]['parent_column'] ?? null;
                $values = $next === null ? [] : array_column($rows, $next);
            }
            foreach ($rows as $row) {
                $along[] = [$link['child'], $link['deletes'] ? 'D' : 'U', $row, $link['deletes'] ? null : [$link['column'] => null] + $row];
            }
        }
        return $along;
    }

    /** Receipts change their invoice's flags by plain SQL. */
    private static function flags(object $model): void
    {
        $flags = new Flags(new DataBase());
        match ($model->tableName()) {
            'recibospagoscli' => $flags->compare('facturascli', $model->idfactura),
            'recibospagosprov' => $flags->compare('facturasprov', $model->idfactura),
            'facturascli', 'facturasprov' => $flags->note($model->tableName(), $model->idfactura),
            default => null,
        };
    }

    private static function row(object $model): ?array
    {
        $db = new DataBase();
        $column = $model->primaryColumn();
        $key = $model->{$column};
        if ($key === null || $key === '') {
            return null;
        }
        $engine = Engine::of($db);
        $select = 'SELECT * FROM ' . $engine->name($model->tableName()) . ' WHERE ' . $engine->name($column) . ' = ' . $db->var2str($key);
        return $db->select($select)[0] ?? null;
    }

    private static function name(object $model): string
    {
        return $model->tableName() . ':' . $model->{$model->primaryColumn()};
    }
}
