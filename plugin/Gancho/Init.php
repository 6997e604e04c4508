<?php
namespace FacturaScripts\Plugins\Gancho;

use FacturaScripts\Core\Base\DataBase;
use FacturaScripts\Core\Controller\ApiRoot;
use FacturaScripts\Core\Kernel;
use FacturaScripts\Core\Template\InitClass;
use FacturaScripts\Core\Tools;
use FacturaScripts\Plugins\Gancho\Capture\Load;
use FacturaScripts\Plugins\Gancho\Outbox\Install;
use FacturaScripts\Plugins\Gancho\Outbox\Kick;
use FacturaScripts\Plugins\Gancho\Outbox\Push;
use FacturaScripts\Plugins\Gancho\Server\Settings;

/**
 * Where the ERP calls us. Whatever happens here, the ERP goes on.
 */
class Init extends InitClass
{
    public function init(): void
    {
        try {
            register_shutdown_function([Push::class, 'afterResponse']);
            Kernel::addRoute(Kick::ROUTE, Http\GanchoPush::class, -1);
            Kernel::addRoute('/api/3/gancho', Http\ApiGancho::class, -1);
            ApiRoot::addCustomResource('gancho');
            Load::pipes(new Settings());
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
            (new Install($db, $settings))->mend();
            $settings->note(['ready' => $settings->isPushing(), 'loaded' => $settings->loaded()]);
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
            // What waits goes now or never. Address and keys stay, for whoever switches the plugin on again.
            (new Push($db, $settings))->run();
            $left = (new Install($db, $settings))->remove();
            $settings->note(['ready' => false, 'mode' => 'triggers', 'primed' => false]);
            if ($left !== null) {
                Tools::log('gancho')->error("Gancho: $left is in use and could not be taken away; switch the plugin on and off again");
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
            // Then nobody can be told.
        }
    }
}
