<?php
namespace FacturaScripts\Plugins\Gancho\Worker;

use FacturaScripts\Core\Model\WorkEvent;
use FacturaScripts\Core\Template\WorkerClass;
use FacturaScripts\Plugins\Gancho\Capture\Queue;

/** Runs before all other workers, does none of their work, and stops none of them. */
class GanchoQueue extends WorkerClass
{
    public function run(WorkEvent $event): bool
    {
        try {
            Queue::begins((string)$event->id);
        } catch (\Throwable $error) {
            // The job has priority.
        }
        return true;
    }
}
