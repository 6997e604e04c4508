<?php
namespace FacturaScripts\Plugins\Gancho\Capture;

use Closure;

/** Pipes of the models with which the ERP identifies the caller. */
final class AskerPipes
{
    public function clear(): Closure
    {
        return function () {
            try {
                Queue::watch();
            } catch (\Throwable $error) {
                // The caller's request has priority.
            }
            return null;
        };
    }
}
