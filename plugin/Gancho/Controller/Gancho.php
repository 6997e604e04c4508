<?php
namespace FacturaScripts\Plugins\Gancho\Controller;

use FacturaScripts\Core\Tools;
use FacturaScripts\Plugins\Gancho\Http\GanchoPage;
use FacturaScripts\Plugins\Gancho\Outbox\Engine;
use FacturaScripts\Plugins\Gancho\Outbox\Facts;
use FacturaScripts\Plugins\Gancho\Outbox\Install;
use FacturaScripts\Plugins\Gancho\Outbox\Look;
use FacturaScripts\Plugins\Gancho\Server\Client;

/** The settings, and how the handing over goes. */
class Gancho extends GanchoPage
{
    public array $state = [];
    public array $models = [];
    public array $loaded = [];
    public int $backlog = 0;
    public int $lost = 0;

    public function getPageData(): array
    {
        return $this->page('gancho', 'fa-solid fa-link');
    }

    protected function act(string $action): void
    {
        match ($action) {
            'save' => $this->save(),
            'test' => $this->test(),
            'mend' => $this->mend(),
            default => null,
        };
    }

    private function save(): void
    {
        $url = rtrim($this->text('url'), '/');
        if ($url !== '' && !preg_match('#^https?://[^/\s]+#', $url)) {
            Tools::log()->error('gancho-bad-url');
            return;
        }
        $chosen = $this->request()->request->getArray('models');
        $all = array_keys(Facts::MODELS);
        $values = [
            'url' => $url,
            'models' => array_diff($all, $chosen) ? implode(' ', array_intersect($all, $chosen)) : '',
            'loaded' => implode(' ', array_intersect($all, $this->request()->request->getArray('loaded'))),
            'way' => $this->text('way') === 'fetch' ? 'fetch' : 'push',
        ];
        foreach (['token', 'admin_token'] as $key) {
            // A key that is left empty stays as it is: it is never shown again.
            if ($this->text($key) !== '') {
                $values[$key] = $this->text($key);
            }
        }
        if ($this->settings->save($this->db(), $values)) {
            $this->mend();
            Tools::log()->notice('record-updated-correctly');
        }
    }

    private function test(): void
    {
        $engine = Engine::of($this->db());
        $empty = ['now_ms' => time() * 1000, 'tables' => (object)[], 'rows' => [], 'documents' => [], 'known' => (object)[], 'more' => false,
            'status' => Look::status($engine, $this->settings)];
        $answer = Client::source($this->settings)->call('POST', 'outbox', $empty);
        if ($answer->status === 202) {
            $this->settings->notePush(false);
            Tools::log()->notice('gancho-test-ok');
        } else {
            Tools::log()->error('gancho-test-failed', ['%why%' => $answer->sentence()]);
        }
    }

    private function mend(): void
    {
        (new Install($this->db(), $this->settings))->mend();
    }

    protected function read(): void
    {
        $this->state = $this->settings->state();
        $this->models = array_fill_keys($this->settings->models() ?? array_keys(Facts::MODELS), true);
        $this->loaded = array_fill_keys($this->settings->loaded(), true);
        $engine = Engine::of($this->db());
        $this->backlog = $engine->backlog();
        $this->lost = $engine->lost();
    }

    /** All models that can be heard. */
    public function catalogue(): array
    {
        return array_keys(Facts::MODELS);
    }

    public function when(string $name): string
    {
        $at = $this->state[$name] ?? 0;
        return $at ? Tools::dateTime($at) : '–';
    }
}
