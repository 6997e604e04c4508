<?php
namespace FacturaScripts\Plugins\Gancho\Http;

use FacturaScripts\Core\Template\ApiController;
use FacturaScripts\Plugins\Gancho\Server\Settings;
use FacturaScripts\Plugins\Gancho\Webhook\{Alone, Api, KeyLost};

/** `ganchowebhooks`, `ganchoevents` and `ganchodeliveries` in the ERP's API, with its keys and permissions. */
class ApiGanchoWebhooks extends ApiController
{
    protected function runResource(): void
    {
        try {
            [$status, $body] = $this->answer();
        } catch (KeyLost $lost) {
            [$status, $body] = [409, ['error' => $lost->getMessage()]];
        } catch (\Throwable) {
            [$status, $body] = [500, ['error' => 'Gancho could not do it: see its page']];
        }
        $this->response->setHttpCode($status)->json($body);
    }

    private function answer(): array
    {
        $settings = (new Settings())->read($this->db());
        if (!$settings->isAlone()) {
            return [404, ['error' => 'the plugin Gancho does not send by itself: its webhooks are at the server']];
        }
        $decoded = fn($value) => is_string($value) ? html_entity_decode($value, ENT_QUOTES) : $value;
        $fields = array_map($decoded, $this->request->request->all());
        $api = new Api(new Alone($this->db(), $settings, true), 'api');
        return $api->answer($this->request->method(), $this->getUriParam('2'), $this->getUriParam('3'), $fields, $this->request->query->all());
    }
}
