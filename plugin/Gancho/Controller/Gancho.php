<?php
namespace FacturaScripts\Plugins\Gancho\Controller;

use FacturaScripts\Core\Tools;
use FacturaScripts\Plugins\Gancho\Http\GanchoPage;
use FacturaScripts\Plugins\Gancho\Outbox\Engine;
use FacturaScripts\Plugins\Gancho\Outbox\ErpSchema;
use FacturaScripts\Plugins\Gancho\Outbox\Install;
use FacturaScripts\Plugins\Gancho\Outbox\Payload;
use FacturaScripts\Plugins\Gancho\Outbox\Site;
use FacturaScripts\Plugins\Gancho\Server\Client;

/** The settings, and how the handing over goes. */
class Gancho extends GanchoPage
{
    public array $state = [];
    public array $models = [];
    public array $loaded = [];
    public int $backlog = 0;
    public int $lost = 0;
    public int $dropped = 0;
    public bool $isFar = false;

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
            'moved' => $this->site()->confirm(),
            'copy' => $this->site()->disown($this->db()),
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
        $all = array_keys(ErpSchema::models());
        $chosen = array_intersect($all, $this->request()->request->getArray('models'));
        if (!$chosen) {
            Tools::log()->error('gancho-none-chosen');
            return;
        }
        if ($url !== $this->settings->get('url') && $this->settings->get('token') !== '' && $this->text('token') === '') {
            // The keys are for the address they were entered for.
            Tools::log()->error('gancho-keys-again');
            return;
        }
        $values = [
            'url' => $url,
            'models' => array_diff($all, $chosen) ? implode(' ', $chosen) : '',
            'loaded' => implode(' ', array_intersect($all, $this->request()->request->getArray('loaded'))),
            'way' => $this->text('way') === 'fetch' ? 'fetch' : 'push',
            'keep' => $this->text('keep') === '' ? '' : '1',
        ];
        foreach (['token', 'admin_token'] as $key) {
            // A key that is left empty stays as it is: it is never shown again.
            if ($this->text($key) !== '') {
                $values[$key] = $this->text($key);
            }
        }
        if ($url !== $this->settings->get('url') && $this->text('admin_token') === '') {
            $values['admin_token'] = '';
        }
        if ($this->settings->save($this->db(), $values)) {
            (new Install($this->db(), $this->settings))->mend();
            if (!$this->site()->isCopy()) {
                $this->site()->sign(true);
            }
            Tools::log()->notice('record-updated-correctly');
        } else {
            Tools::log()->error('gancho-not-kept', ['%folder%' => 'MyFiles/Gancho']);
        }
    }

    private function test(): void
    {
        $engine = Engine::of($this->db());
        $empty = ['now_ms' => time() * 1000, 'tables' => (object)[], 'rows' => [], 'documents' => [], 'known' => (object)[], 'more' => false,
            'status' => Payload::status($engine, $this->settings)];
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
        Tools::log()->notice('gancho-mended');
    }

    private function site(): Site
    {
        return new Site(Engine::of($this->db()), $this->settings);
    }

    protected function read(): void
    {
        $this->site()->isCopy();
        $this->state = $this->settings->state();
        $this->models = array_fill_keys($this->settings->models() ?? array_keys(ErpSchema::models()), true);
        $this->loaded = array_fill_keys($this->settings->loaded(), true);
        $engine = Engine::of($this->db());
        $this->backlog = $engine->backlog();
        $this->dropped = $engine->dropped();
        $this->lost = $engine->lost() + ($this->state['refused'] ?? 0);
        // Customers and prices would be readable on the way.
        $host = parse_url($this->settings->get('url'), PHP_URL_HOST) ?: 'localhost';
        $isNear = preg_match('/^(localhost|127\.|10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|\[)|^[^.]+$/', $host) === 1;
        $this->isFar = str_starts_with($this->settings->get('url'), 'http://') && !$isNear;
    }

    /** All models that can be captured. */
    public function catalogue(): array
    {
        return array_keys(ErpSchema::models());
    }

    public function when(string $name): string
    {
        $at = $this->state[$name] ?? 0;
        return $at ? date(Tools::DATETIME_STYLE, (int)$at) : '–';
    }
}
