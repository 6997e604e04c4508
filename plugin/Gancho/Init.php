<?php
namespace FacturaScripts\Plugins\Gancho;

use FacturaScripts\Core\Base\DataBase;
use FacturaScripts\Core\Controller\ApiRoot;
use FacturaScripts\Core\Kernel;
use FacturaScripts\Core\Template\InitClass;
use FacturaScripts\Core\Tools;
use FacturaScripts\Plugins\Gancho\Capture\Load;
use FacturaScripts\Plugins\Gancho\Capture\Origin;
use FacturaScripts\Plugins\Gancho\Outbox\Install;
use FacturaScripts\Plugins\Gancho\Outbox\TriggerPush;
use FacturaScripts\Plugins\Gancho\Outbox\Push;
use FacturaScripts\Plugins\Gancho\Server\Settings;

/**
 * Entry points called by the ERP. Errors here never stop the ERP.
 */
class Init extends InitClass
{
    public function init(): void
    {
        try {
            register_shutdown_function([Push::class, 'afterResponse']);
            Kernel::addRoute(TriggerPush::ROUTE, Http\GanchoPush::class, -1);
            Kernel::addRoute('/api/3/gancho', Http\ApiGancho::class, -1);
            ApiRoot::addCustomResource('gancho');
            foreach (['ganchowebhooks', 'ganchoevents', 'ganchodeliveries'] as $resource) {
                Kernel::addRoute("/api/3/$resource", Http\ApiGanchoWebhooks::class, -1);
                Kernel::addRoute("/api/3/$resource/*", Http\ApiGanchoWebhooks::class, -1);
                ApiRoot::addCustomResource($resource);
            }
            Load::pipes(new Settings());
            if (PHP_SAPI === 'cli' || TriggerPush::mayWrite()) {
                $db = new DataBase();
                $db->connect();
                Origin::mark($db);
            }
        } catch (\Throwable $error) {
            $this->note($error);
        }
    }

    public function update(): void
    {
        try {
            $db = new DataBase();
            $db->connect();
            $settings = (new Settings())->read($db);
            $settings->sealSecrets($db);
            (new Install($db, $settings))->mend(true);
            $settings->note(['ready' => $settings->isActive(), 'loaded' => $settings->loaded()]);
        } catch (\Throwable $error) {
            $this->note($error);
        }
    }

    public function uninstall(): void
    {
        try {
            $db = new DataBase();
            $db->connect();
            $settings = (new Settings())->read($db);
            // The last chance to push pending rows.
            (new Push($db, $settings, 10.0, true))->run();
            $left = (new Install($db, $settings))->remove();
            // The plugin's own webhooks stay, with secrets and log: the ERP also calls this for a short deactivation.
            if ($settings->get('keep') === '' && !$settings->isAlone()) {
                $settings->forget($db);
            }
            $settings->note(['ready' => false, 'mode' => 'triggers', 'primed' => false, 'cron_done_at' => 0]);
            if ($left) {
                // On the page from which it was disabled, and in a file, since pages are left.
                $sql = implode(";\n", $left) . ";\n";
                $file = $settings->folder() . '/remove.sql';
                @file_put_contents($file, $sql);
                Tools::log()->error('gancho-left', ['%count%' => count($left), '%sql%' => $sql, '%file%' => 'MyFiles/Gancho/remove.sql']);
            }
        } catch (\Throwable $error) {
            $this->note($error);
        }
    }

    private function note(\Throwable $error): void
    {
        try {
            Tools::log('gancho')->error($error->getMessage());
        } catch (\Throwable) {
            // Then no alert is possible.
        }
    }
}
