<?php
namespace FacturaScripts\Plugins\Gancho\Outbox;

use FacturaScripts\Core\Base\DataBase;

/**
 * Writes a row to the outbox from PHP, within the ERP's current transaction: a rollback removes it.
 */
final class Write
{
    /** Checked once per request. */
    private static ?bool $isFull = null;

    public static function row(DataBase $db, string $table, string $op, ?array $old, ?array $new, array $secrets = []): bool
    {
        return ErrorSilencer::run(function () use ($db, $table, $op, $old, $new, $secrets) {
            // There a failed statement would abort the ERP's whole transaction.
            $isGuarded = $db->type() === 'postgresql' && $db->inTransaction();
            if ($isGuarded) {
                $db->exec('SAVEPOINT ganchoplugin');
            }
            $engine = Engine::of($db);
            $isFull = self::$isFull ??= $engine->isFull();
            $done = !$isFull && $db->exec($engine->insert($table, $op, $old, $new, $secrets));
            if ($isFull) {
                $engine->countDropped($table);
            }
            if ($isGuarded) {
                $db->exec(($done || $isFull ? 'RELEASE' : 'ROLLBACK TO') . ' SAVEPOINT ganchoplugin');
            }
            return $done;
        });
    }
}
