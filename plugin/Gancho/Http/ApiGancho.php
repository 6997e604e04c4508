<?php
namespace FacturaScripts\Plugins\Gancho\Http;

use FacturaScripts\Core\Template\ApiController;
use FacturaScripts\Plugins\Gancho\Outbox\Engine;
use FacturaScripts\Plugins\Gancho\Outbox\Look;
use FacturaScripts\Plugins\Gancho\Server\Settings;

/**
 * The outbox over the ERP's API, where its owner lets Gancho fetch it: GET shows the oldest rows, POST with
 * `taken` (a JSON list of ids) removes those that Gancho has on disk.
 */
class ApiGancho extends ApiController
{
    private const ROWS = 200;

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
            $done = is_array($taken) && Engine::of($this->db())->remove(array_filter($taken, 'is_int'));
            $this->response->setHttpCode($done ? 200 : 400)->json(['ok' => $done]);
            $settings->notePush();
            return;
        }
        $this->response->json(Look::at($this->db(), $settings, self::ROWS));
    }
}
