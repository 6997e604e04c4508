<?php
namespace FacturaScripts\Plugins\Gancho\Outbox;

use FacturaScripts\Core\Base\MiniLog;

/**
 * What we ask of the database behind people's backs: what it says against that is for our own page, not for
 * theirs, nor for the ERP's log.
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
