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
            $engine = Engine::of($db);
            if (self::$isFull ??= $engine->isFull()) {
                $engine->countDropped($table);
                return false;
            }
            $insert = $engine->insert($table, $op, $old, $new, $secrets);
            if ($db->type() !== 'postgresql' || !$db->inTransaction()) {
                return $db->exec($insert);
            }
            // There a statement that fails would take the ERP's whole transaction along.
            $db->exec('SAVEPOINT ganchoplugin');
            $done = $db->exec($insert);
            $db->exec(($done ? 'RELEASE' : 'ROLLBACK TO') . ' SAVEPOINT ganchoplugin');
            return $done;
        });
    }
}
