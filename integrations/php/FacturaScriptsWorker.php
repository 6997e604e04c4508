<?php
// Receives Gancho's webhooks inside of another FacturaScripts, and handles them as that one handles its own events: by a
// worker of its queue. Copy GanchoReceiver.php and this into a plugin of yours, with your plugin's name in the namespaces.
//
// Controller/GanchoIn.php answers POST /GanchoIn; the secret is a setting of your plugin. In your Init::init():
//
//     WorkQueue::addWorker('GanchoWorker', 'Gancho.invoice.paid');

namespace FacturaScripts\Plugins\YourPlugin\Controller;

use FacturaScripts\Core\Template\Controller;
use FacturaScripts\Core\Tools;
use FacturaScripts\Core\WorkQueue;

require_once __DIR__ . '/../GanchoReceiver.php';

class GanchoIn extends Controller
{
    protected $requiresAuth = false;

    public function run(): void
    {
        try {
            $event = (new \GanchoReceiver((string)Tools::settings('yourplugin', 'secret')))->receive();
        } catch (\GanchoRefused $refused) {
            http_response_code(401);
            echo $refused->getMessage();
            return;
        }
        $ids = new \GanchoIds(Tools::folder('MyFiles', 'gancho-ids'));
        $done = $ids->once($event['id'], fn() => WorkQueue::send('Gancho.' . $event['event'], $event['id'], $event));
        http_response_code($done === \GanchoIds::BUSY ? 503 : 200);
    }
}

namespace FacturaScripts\Plugins\YourPlugin\Worker;

use FacturaScripts\Core\Model\WorkEvent;
use FacturaScripts\Core\Template\WorkerClass;

class GanchoWorker extends WorkerClass
{
    public function run(WorkEvent $event): bool
    {
        $invoice = $event->param('data')['object'] ?? [];
        // Your work.
        return $this->done();
    }
}
