<?php
namespace FacturaScripts\Plugins\Gancho\Webhook;

use FacturaScripts\Core\Base\DataBase as ErpDatabase;
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
    public function __construct(ErpDatabase $erp, public readonly Settings $settings, bool $make = false)
    {
        $this->db = new Database($erp);
        $this->tables = new Tables($this->db);
        $isNew = $make && !$this->tables->areThere();
        $vault = Vault::open($settings->folder(), $isNew);
        if ($isNew && $vault !== null) {
            $this->tables->make();
            $this->tables->put('key', $vault->fingerprint());
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
}
