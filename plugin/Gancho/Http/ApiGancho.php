<?php
namespace FacturaScripts\Plugins\Gancho\Http;

use FacturaScripts\Core\Template\ApiController;
use FacturaScripts\Plugins\Gancho\Outbox\Engine;
use FacturaScripts\Plugins\Gancho\Outbox\Install;
use FacturaScripts\Plugins\Gancho\Outbox\Payload;
use FacturaScripts\Plugins\Gancho\Outbox\Site;
use FacturaScripts\Plugins\Gancho\Server\Settings;

/**
 * The outbox in the ERP's API, if its owner lets Gancho fetch it: GET returns the oldest rows, POST with `taken` (a
 * JSON list of ids) removes those that Gancho has on disk.
 */
class ApiGancho extends ApiController
{
    private const ROWS = 1000;
    private const ROWS_MAX = 20000;

    protected function runResource(): void
    {
        try {
            $this->answer();
        } catch (\Throwable $error) {
            $this->response->setHttpCode(500)->json(['error' => $error->getMessage()]);
        }
    }

    private function answer(): void
    {
        $settings = (new Settings())->read($this->db());
        if (!$settings->isFetched()) {
            $this->response->setHttpCode(404)->json(['error' => 'the plugin Gancho does not let its outbox be fetched']);
            return;
        }
        if ($this->request->method() === 'POST') {
            $taken = json_decode((string)$this->request->input('taken'), true);
            $isList = is_array($taken) && $taken === array_filter($taken, 'is_int');
            $done = $isList && Engine::of($this->db())->remove($taken);
            if ($done) {
                $settings->notePush();
                (new Site(Engine::of($this->db()), $settings))->sign();
            }
            $this->response->setHttpCode($done ? 200 : 400)->json($done ? ['ok' => true] : ['error' => 'taken must be a list of ids']);
            return;
        }
        $plan = (new Install($this->db(), $settings))->plan();
        $engine = Engine::of($this->db());
        $site = new Site($engine, $settings);
        if ($site->isCopy()) {
            $look = ['now_ms' => (int)(microtime(true) * 1000), 'rows' => [], 'more' => false];
            $this->response->json(Payload::of($engine, $settings, $plan, $look));
            return;
        }
        $site->sign();
        $rows = max(1, min(self::ROWS_MAX, (int)$this->request->query('rows', (string)self::ROWS)));
        $this->response->json(Payload::at($this->db(), $settings, $plan, $rows, $this->request->query('known') === '1'));
    }
}
