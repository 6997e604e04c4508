<?php
namespace FacturaScripts\Plugins\Gancho\Capture;

use FacturaScripts\Core\Base\DataBase;
use FacturaScripts\Core\WorkQueue;

/**
 * At the end of each request the ERP does one piece of work that waits, whoever queued it. What was queued in another
 * request is not the doing of who asks now: it has no origin.
 *
 * The ERP announces the work to its workers only, and saves a row for each event that a worker listens to. So ours listens
 * to what others listen to already, and to nothing else.
 */
final class Queue
{
    private const MODELS = ['ApiKey', 'User'];

    /** @var array<string, bool> what this request queued, by id */
    private static array $own = [];
    private static bool $isWatched = false;

    /** For a request that has an origin. */
    public static function attend(): void
    {
        if (!is_callable([WorkQueue::class, 'getWorkersList'])) {
            return;
        }
        // Who asks is found out by these models, after all plugins have named their workers.
        foreach (self::MODELS as $model) {
            Load::into("Model\\$model", new AskerPipes());
        }
        Load::into('Model\\WorkEvent', new QueuePipes());
    }

    /** Listens to what the workers that are known by now listen to. */
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

    /** The ERP begins this piece of work. */
    public static function begins(string $id): void
    {
        if (!isset(self::$own[$id])) {
            $db = new DataBase();
            $db->connect();
            Origin::clear($db);
        }
    }
}
