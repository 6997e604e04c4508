<?php
namespace FacturaScripts\Plugins\Gancho\Outbox;

use FacturaScripts\Core\Base\MiniLog;

/**
 * Silences database errors of our queries in requests of users: they are for our own page, not for theirs or the ERP's
 * log.
 */
final class ErrorSilencer
{
    public static function run(callable $work): mixed
    {
        MiniLog::disable();
        try {
            return $work();
        } finally {
            MiniLog::disable(false);
        }
    }
}
