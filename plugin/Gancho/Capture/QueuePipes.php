<?php
namespace FacturaScripts\Plugins\Gancho\Capture;

use Closure;

/** Pipes of the ERP's jobs. */
final class QueuePipes
{
    public function saveInsert(): Closure
    {
        return function () {
            try {
                Queue::note((string)$this->id);
            } catch (\Throwable $error) {
                // The job has priority.
            }
            return null;
        };
    }
}
