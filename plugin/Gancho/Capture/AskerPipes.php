<?php
namespace FacturaScripts\Plugins\Gancho\Capture;

use Closure;

/** Pipes of the models by which the ERP finds out who asks. */
final class AskerPipes
{
    public function clear(): Closure
    {
        return function () {
            try {
                Queue::watch();
            } catch (\Throwable $error) {
                // Who asks comes first.
            }
            return null;
        };
    }
}
