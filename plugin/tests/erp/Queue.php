<?php
/** The ERP's job queue: rows are stored only for events with a worker; one job runs at the end of a request. */

namespace FacturaScripts\Core {
    use FacturaScripts\Core\Base\DataBase;
    use FacturaScripts\Core\Model\WorkEvent;

    class WorkQueue
    {
        private static array $workers = [];

        public static function addWorker(string $name, string $event = '*', int $position = 0): void
        {
            $class = $name === 'GanchoQueue' ? "FacturaScripts\\Plugins\\Gancho\\Worker\\$name" : $name;
            self::$workers[] = ['class' => $class, 'event' => $event, 'name' => $name, 'position' => $position];
        }

        public static function getWorkersList(): array
        {
            return self::$workers;
        }

        public static function send(string $event, string $value): bool
        {
            if (!in_array($event, array_column(self::$workers, 'event'), true)) {
                return false;
            }
            return (new WorkEvent(['name' => $event, 'value' => $value, 'done' => 0]))->save();
        }

        public static function run(): void
        {
            $db = new DataBase();
            if (!self::$workers || !$db->connect()) {
                return;
            }
            usort(self::$workers, fn($a, $b) => $a['position'] <=> $b['position']);
            foreach ($db->select('SELECT * FROM work_events WHERE done = 0 ORDER BY id LIMIT 1') as $row) {
                foreach (self::$workers as $worker) {
                    if ($worker['event'] === $row['name']) {
                        (new $worker['class']())->run(new WorkEvent($row));
                    }
                }
                $db->exec("UPDATE work_events SET done = 1 WHERE id = $row[id]");
            }
        }
    }
}

namespace FacturaScripts\Core\Template {
    use FacturaScripts\Core\Model\WorkEvent;

    abstract class WorkerClass
    {
        abstract public function run(WorkEvent $event): bool;
    }
}

namespace FacturaScripts\Core\Model {
    use FacturaScripts\Core\Template\StandInModel;

    class WorkEvent extends StandInModel
    {
        public static function tableName(): string
        {
            return 'work_events';
        }

        public static function primaryColumn(): string
        {
            return 'id';
        }
    }
}

namespace FacturaScripts\Dinamic\Model {
    class_alias(\FacturaScripts\Core\Model\WorkEvent::class, 'FacturaScripts\\Dinamic\\Model\\WorkEvent');
}

namespace {
    use FacturaScripts\Dinamic\Model\Cliente;

    /** A worker of another plugin: writes a customer. */
    class CustomerWorker extends \FacturaScripts\Core\Template\WorkerClass
    {
        public function run(\FacturaScripts\Core\Model\WorkEvent $event): bool
        {
            $customer = new Cliente();
            $customer->codcliente = $event->value;
            $customer->nombre = 'Uno';
            return $customer->save();
        }
    }
}
