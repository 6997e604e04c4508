<?php
namespace FacturaScripts\Plugins\Gancho\Event;

use FacturaScripts\Plugins\Gancho\Outbox\ErpSchema;

/** Interprets the changes of change groups as events. */
final class Understand
{
    /**
     * @param Change[] $changes
     * @param Known $known the reference data before, which are updated
     * @param callable $isWatched whether a table's changes make events
     * @return array<int, array{event: string, data: array, label: ?string, change: Change, origin: ?array}>
     */
    public static function all(array $changes, Known $known, callable $isWatched): array
    {
        $rules = new Rules($known);
        [$events, $gone] = [[], []];
        foreach (Fold::all($changes) as $change) {
            if ($isWatched($change->table) && !ErpSchema::isSecretTable($change->table)) {
                foreach ($rules->events($change) as $event) {
                    $events[] = $event + ['change' => $change, 'origin' => Origin::shared($change->origins)];
                }
            }
            if (!Known::isRemembered($change->table)) {
                continue;
            }
            $record = $change->op === 'D' ? null : $change->after;
            $known->news[$change->table][$change->key] = $record;
            unset($gone["$change->table\0$change->key"]);
            if ($record === null && $change->table === 'users') {
                // Deleting a user deletes their roles' rows: the membership must still be known then.
                $gone["$change->table\0$change->key"] = [$change->table, $change->key];
            } else {
                $known->learn($change->table, $change->key, $record);
            }
        }
        foreach ($gone as [$table, $key]) {
            $known->learn($table, $key, null);
        }
        return $events;
    }
}
