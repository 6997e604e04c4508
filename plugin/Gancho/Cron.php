<?php
namespace FacturaScripts\Plugins\Gancho;

use FacturaScripts\Core\Base\DataBase;
use FacturaScripts\Core\Template\CronClass;
use FacturaScripts\Core\Tools;
use FacturaScripts\Plugins\Gancho\Capture\Flags;
use FacturaScripts\Plugins\Gancho\Outbox\Install;
use FacturaScripts\Plugins\Gancho\Outbox\Push;
use FacturaScripts\Plugins\Gancho\Outbox\ErrorSilencer;
use FacturaScripts\Plugins\Gancho\Server\Settings;

/**
 * Pushes what no request did, and checks that our objects are in place.
 */
class Cron extends CronClass
{
    public function run(): void
    {
        try {
            $db = new DataBase();
            $db->connect();
            $settings = (new Settings())->read($db);
            $mend = fn() => (new Install($db, $settings))->mend();
            if (($settings->state()['install_error'] ?? null) || $settings->areTablesNew()) {
                $mend();
            } else {
                $this->job('gancho-mend')->every('1 hour')->run($mend);
            }
            if (($settings->state()['mode'] ?? '') === 'models') {
                ErrorSilencer::run(fn() => (new Flags($db))->compareAll());
            }
            if ($settings->isAlone()) {
                $settings->note(['cron_at' => time()]);
                // Over HTTP the ERP starts no further jobs after 20 s.
                (new Push($db, $settings, PHP_SAPI === 'cli' ? 40.0 : 2.0, true))->run();
            } elseif ($settings->isDue()) {
                (new Push($db, $settings))->run(true);
            }
        } catch (\Throwable $error) {
            Tools::log('gancho')->error($error->getMessage());
        }
    }
}
