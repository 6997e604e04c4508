<?php
namespace FacturaScripts\Plugins\Gancho\Outbox;

use FacturaScripts\Core\Base\DataBase;
use FacturaScripts\Plugins\Gancho\Server\Answer;
use FacturaScripts\Plugins\Gancho\Server\Client;
use FacturaScripts\Plugins\Gancho\Server\Settings;

/** Sends one current record to one webhook, on a user's request. */
final class SendNow
{
    /** Null if records of this model are not captured. */
    public static function to(DataBase $db, Settings $settings, string $endpoint, string $model, string $key): ?Answer
    {
        $engine = Engine::of($db);
        $plan = (new Install($db, $settings))->plan();
        $shown = Payload::shown($engine, $plan, ErpSchema::tableOf($model), $key);
        if ($shown === null) {
            return null;
        }
        $body = $shown + ['endpoint' => $endpoint, 'now_ms' => time() * 1000, 'rows' => [], 'more' => false,
            'status' => Payload::status($engine, $settings)];
        return Client::source($settings)->call('POST', 'outbox/send', $body);
    }
}
