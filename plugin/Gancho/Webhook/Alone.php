<?php
namespace FacturaScripts\Plugins\Gancho\Webhook;

use FacturaScripts\Core\Base\DataBase as ErpDatabase;
use FacturaScripts\Plugins\Gancho\Outbox\ErpSchema;
use FacturaScripts\Plugins\Gancho\Server\Settings;

/** The parts of a plugin that sends by itself, put together. */
final class Alone
{
    public readonly Database $db;
    public readonly Tables $tables;
    public readonly Vault $vault;
    public readonly Guard $guard;
    public readonly Webhooks $webhooks;
    public readonly Deliveries $deliveries;

    /** @throws KeyLost where there is no key; `$make`: makes it, and the tables, where they were never there */
    public function __construct(public readonly ErpDatabase $erp, public readonly Settings $settings, bool $make = false)
    {
        $this->db = new Database($erp);
        $this->tables = new Tables($this->db);
        $isNew = $make && !$this->tables->areThere();
        $vault = Vault::open($settings->folder(), $isNew);
        if ($isNew && $vault !== null) {
            $this->tables->make($vault->fingerprint());
            $settings->note(['alone' => true]);
        }
        if ($vault === null || $this->tables->get('key') !== $vault->fingerprint()) {
            throw new KeyLost();
        }
        $this->vault = $vault;
        $this->guard = new Guard($settings->allowed(), $settings->folder() . '/names.json');
        $this->webhooks = new Webhooks($this->db, $this->vault, $this->guard);
        $this->deliveries = new Deliveries($this->db, $this->vault);
    }

    /** Sends a sample to a webhook, switched on or not, and says what came of it. */
    public function test(Webhook $webhook): Attempt
    {
        $id = Id::make('evt');
        $event = ['event' => 'invoice.created', 'data' => ErpSchema::sample(), 'at_ms' => time() * 1000];
        $body = Events::body($id, $event, null, true);
        $request = ['webhook' => $webhook, 'type' => $event['event'], 'event_id' => $id, 'sequence' => 0, 'attempt' => 1, 'body' => $body];
        $made = null;
        (new Sender($this->guard))->send([$request], function (int $place, Attempt $attempt) use (&$made) {
            $made = $attempt;
        });
        if ($made->isSuccess() && $webhook->enabled) {
            // What waits for a failing webhook may go now.
            $this->db->transaction(fn() => (new Health($this->db))->note($webhook->id, $made));
        }
        return $made;
    }
}
