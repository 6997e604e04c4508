<?php
namespace FacturaScripts\Plugins\Gancho\Outbox;

use FacturaScripts\Core\Base\DataBase;

/**
 * Writes a row into the outbox from PHP, within whatever transaction the ERP is in: what it rolls back was never there.
 */
final class Write
{
    /** Looked at once a request. */
    private static ?bool $isFull = null;

    public static function row(DataBase $db, string $table, string $op, ?array $old, ?array $new, array $secrets = []): bool
    {
        return ErrorSilencer::run(function () use ($db, $table, $op, $old, $new, $secrets) {
            // There a statement that fails would take the ERP's whole transaction along.
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
