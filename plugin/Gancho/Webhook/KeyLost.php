<?php
namespace FacturaScripts\Plugins\Gancho\Webhook;

/** What is kept encrypted can't be read: the key's file is gone, or another's. Deliveries wait. */
final class KeyLost extends \RuntimeException
{
    public function __construct()
    {
        parent::__construct("MyFiles/Gancho/key.php is missing or of another installation: webhooks can't be read");
    }
}
