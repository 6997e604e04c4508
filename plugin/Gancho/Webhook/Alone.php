<?php
namespace FacturaScripts\Plugins\Gancho\Webhook;

use FacturaScripts\Core\Base\DataBase as ErpDatabase;
use FacturaScripts\Plugins\Gancho\Outbox\ErpSchema;
use FacturaScripts\Plugins\Gancho\Server\Settings;

/** The parts of the standalone mode, in which the plugin sends by itself. */
final class Alone
{
    public readonly Database $db;
    public readonly Tables $tables;
    public readonly Vault $vault;
    public readonly Guard $guard;
    public readonly Webhooks $webhooks;
    public readonly Deliveries $deliveries;

    /** @throws KeyLost if there is no key; `$make`: creates it, and the tables, if they never existed */
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

    /** Sends a sample to a webhook, enabled or not, and returns the attempt. */
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
            // A failing webhook's pending deliveries may be sent now.
            $this->db->transaction(fn() => (new Health($this->db))->note($webhook->id, $made));
        }
        return $made;
    }
}
