<?php
namespace FacturaScripts\Plugins\Gancho\Http;

use FacturaScripts\Core\Base\DataBase;
use FacturaScripts\Core\Contract\ControllerInterface;
use FacturaScripts\Plugins\Gancho\Outbox\TriggerPush;
use FacturaScripts\Plugins\Gancho\Outbox\Push;
use FacturaScripts\Plugins\Gancho\Server\Settings;

/**
 * Hands the outbox over if it is due. Asked for by the plugin itself, which signs its request: it says nothing and does
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
                // More waits than one request may take.
                TriggerPush::self($settings);
            }
        } catch (\Throwable $error) {
            // Next time.
        }
        http_response_code(204);
    }
}
