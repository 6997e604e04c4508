<?php
namespace FacturaScripts\Plugins\Gancho\Webhook;

/** Encrypted values can't be read: the key's file is missing or has another key. Deliveries wait. */
final class KeyLost extends \RuntimeException
{
    public function __construct()
    {
        parent::__construct("MyFiles/Gancho/key.php is missing or of another installation: webhooks can't be read");
    }
}
