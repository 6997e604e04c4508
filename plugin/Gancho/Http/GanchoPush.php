<?php
namespace FacturaScripts\Plugins\Gancho\Http;

use FacturaScripts\Core\Base\DataBase;
use FacturaScripts\Core\Contract\ControllerInterface;
use FacturaScripts\Plugins\Gancho\Outbox\TriggerPush;
use FacturaScripts\Plugins\Gancho\Outbox\Push;
use FacturaScripts\Plugins\Gancho\Server\Settings;

/**
 * Pushes the outbox if it is due. Requested by the plugin itself with a signed request: it returns nothing and does
 * nothing else.
 */
class GanchoPush implements ControllerInterface
{
    public function __construct(string $className, string $url = '')
    {
    }

    public function getPageData(): array
    {
        return [];
    }

    public function run(): void
    {
        try {
            ignore_user_abort(true);
            $settings = new Settings();
            $isOurs = TriggerPush::isOurs($settings, (string)($_GET['at'] ?? ''), (string)($_GET['by'] ?? ''));
            $db = $isOurs && $settings->isDue() ? Push::database() : null;
            if ($db !== null && (new Push($db, $settings))->run()) {
                // More rows wait than one request may take.
                TriggerPush::self($settings);
            }
        } catch (\Throwable $error) {
            // Retried by the next push.
        }
        http_response_code(204);
    }
}
