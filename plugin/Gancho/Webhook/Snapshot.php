<?php
namespace FacturaScripts\Plugins\Gancho\Webhook;

use FacturaScripts\Plugins\Gancho\Event\{Composer, Label, Shape};
use FacturaScripts\Plugins\Gancho\Outbox\{Engine, ErpSchema, Install, Payload};

/** Sends one current record to one webhook, on a user's request: `customer.snapshot`, outside the feed. */
final class Snapshot
{
    public function __construct(private Alone $alone)
    {
    }

    /** False if the webhook is disabled, the model is not captured, the record does not exist, or it is too large. */
    public function send(Webhook $webhook, string $model, string $key): bool
    {
        $table = ErpSchema::tableOf($model);
        $plan = (new Install($this->alone->erp, $this->alone->settings))->plan();
        $shown = Payload::shown(Engine::of($this->alone->erp), $plan, $table, $key);
        if (!$webhook->enabled || $shown === null || ErpSchema::nounOf($table) === null) {
            return false;
        }
        $shape = new Shape((string)date_default_timezone_get());
        $record = (new Composer($plan->tables, $shape, $shown['documents']))->whole($table, $key);
        if ($record === null) {
            return false;
        }
        $event = ['name' => Id::make('own'), 'event' => ErpSchema::nounOf($table) . '.snapshot', 'data' => ['object' => (object)$record], 'label' => Label::of($record),
            'object' => "$model:$key", 'at_ms' => (int)(microtime(true) * 1000)];
        $events = new Events($this->alone->db, $this->alone->tables, $this->alone->vault);
        return $events->keepApart($event, $webhook, (string)$this->alone->tables->get('source'));
    }
}
