<?php
namespace FacturaScripts\Plugins\Gancho\Capture;

use Closure;

/** Pipes of the ERP's pieces of work. */
final class QueuePipes
{
    public function saveInsert(): Closure
    {
        return function () {
            try {
                Queue::note((string)$this->id);
            } catch (\Throwable $error) {
                // The work comes first.
            }
            return null;
        };
    }
}
