<?php
namespace FacturaScripts\Plugins\Gancho\Capture;

use FacturaScripts\Core\Base\DataBase;
use FacturaScripts\Core\WorkQueue;

/**
 * At the end of each request the ERP runs one queued job of any request. A job queued by another request does not
 * belong to the current caller: it has no origin.
 *
 * The ERP notifies only workers, and stores a row for each event that has a worker. So our worker subscribes only to
 * events that others subscribe to already.
 */
final class Queue
{
    private const MODELS = ['ApiKey', 'User'];

    /** @var array<string, bool> what this request queued, by id */
    private static array $own = [];
    private static bool $isWatched = false;

    /** For a request with an origin. */
    public static function attend(): void
    {
        if (!is_callable([WorkQueue::class, 'getWorkersList'])) {
            return;
        }
        // These models identify the caller, after all plugins have registered their workers.
        foreach (self::MODELS as $model) {
            Load::into("Model\\$model", new AskerPipes());
        }
        Load::into('Model\\WorkEvent', new QueuePipes());
    }

    /** Subscribes to the events of the workers registered so far. */
    public static function watch(): void
    {
        if (!self::$isWatched) {
            self::$isWatched = true;
            foreach (array_unique(array_column(WorkQueue::getWorkersList(), 'event')) as $event) {
                WorkQueue::addWorker('GanchoQueue', $event, PHP_INT_MIN);
            }
        }
    }

    /** This request queued it. */
    public static function note(string $id): void
    {
        self::$own[$id] = true;
    }

    /** The ERP starts this job. */
    public static function begins(string $id): void
    {
        if (!isset(self::$own[$id])) {
            $db = new DataBase();
            $db->connect();
            Origin::clear($db);
        }
    }
}
