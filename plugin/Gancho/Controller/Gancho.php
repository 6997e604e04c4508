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
use FacturaScripts\Plugins\Gancho\Webhook\{Alone, Database, KeyLost, Move, Refused, Tables, Vault};

/** The settings, and the status of pushing. */
class Gancho extends GanchoPage
{
    public array $state = [];
    public array $models = [];
    public array $loaded = [];
    public int $backlog = 0;
    public int $lost = 0;
    public int $dropped = 0;
    public bool $isFar = false;
    /** Whether there are data of the standalone mode, in which the plugin sends by itself. */
    public bool $hasOwn = false;
    public int $ownWebhooks = 0;
    public int $ownWaiting = 0;
    /** All webhooks with their secrets, exported on request. */
    public string $exported = '';

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
            'copy' => $this->disown(),
            'delete-all' => $this->deleteAll(),
            'move' => $this->move(),
            'import' => $this->import(),
            'export' => $this->exported = ($alone = $this->openAlone()) === null ? '' : (new Move($alone))->export(),
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
            // The keys belong to the address that they were entered for.
            Tools::log()->error('gancho-keys-again');
            return;
        }
        $values = [
            'url' => $url,
            'models' => array_diff($all, $chosen) ? implode(' ', $chosen) : '',
            'loaded' => implode(' ', array_intersect($all, $this->request()->request->getArray('loaded'))),
            'way' => in_array($this->text('way'), ['alone', 'fetch'], true) ? $this->text('way') : 'push',
            'allow_hosts' => implode(' ', preg_split('/[\s,]+/', $this->text('allow_hosts'), -1, PREG_SPLIT_NO_EMPTY)),
            'keep_days' => (string)max(1, min(365, (int)$this->text('keep_days') ?: 30)),
            'keep_mb' => (string)max(1, min(100000, (int)$this->text('keep_mb') ?: 200)),
            'keep' => $this->text('keep') === '' ? '' : '1',
        ];
        foreach (['token', 'admin_token'] as $key) {
            // An empty key field keeps the key, which is never shown again.
            if ($this->text($key) !== '') {
                $values[$key] = $this->text($key);
            }
        }
        if ($url !== $this->settings->get('url') && $this->text('admin_token') === '') {
            $values['admin_token'] = '';
        }
        if ($this->settings->save($this->db(), $values)) {
            if ($this->settings->isAlone() && !$this->openAlone()) {
                Tools::log()->error('gancho-own-no-key', ['%file%' => 'MyFiles/Gancho/key.php']);
            }
            (new Install($this->db(), $this->settings))->mend();
            if (!$this->site()->isCopy()) {
                $this->site()->sign(true);
            }
            Tools::log()->notice('record-updated-correctly');
        } else {
            Tools::log()->error('gancho-not-kept', ['%folder%' => 'MyFiles/Gancho']);
        }
    }

    /** Creates the tables and the key of the standalone mode. */
    private function openAlone(): ?Alone
    {
        try {
            return new Alone($this->db(), $this->settings, $this->settings->isAlone());
        } catch (KeyLost) {
            return null;
        }
    }

    /** This is a copy of the ERP: it must not call the original's webhooks. */
    private function disown(): void
    {
        if ($this->settings->isAlone()) {
            $this->openAlone()?->webhooks->disableAll($this->user->nick);
        }
        $this->site()->disown($this->db());
    }

    /** Deletes webhooks, secrets and log, and their key. */
    private function deleteAll(): void
    {
        // Also if the key is lost: the data can't be read any more.
        (new Tables(new Database($this->db())))->remove();
        if ($this->settings->get('token') === '' && $this->settings->get('admin_token') === '') {
            @unlink(Vault::file($this->settings->folder()));
        }
        $this->settings->save($this->db(), ['way' => 'push']);
        $this->settings->note(['alone' => false]);
        Tools::log()->notice('gancho-own-deleted');
    }

    /** Moves the webhooks to a server, which also gets changes from now on. */
    private function move(): void
    {
        $values = ['url' => rtrim($this->text('url'), '/'), 'token' => $this->text('token'), 'admin_token' => $this->text('admin_token')];
        if (!preg_match('#^https?://[^/\s]+#', $values['url']) || in_array('', $values, true)) {
            Tools::log()->error('gancho-move-needs');
            return;
        }
        $alone = $this->openAlone();
        if ($alone === null || !$this->settings->save($this->db(), $values)) {
            Tools::log()->error('gancho-not-kept', ['%folder%' => 'MyFiles/Gancho']);
            return;
        }
        $refused = (new Move($alone))->toServer($this->db());
        if ($refused === null) {
            Tools::log()->notice('gancho-moved');
        } else {
            Tools::log()->error('gancho-move-stopped', ['%why%' => $refused->sentence()]);
        }
    }

    private function import(): void
    {
        try {
            $alone = $this->openAlone();
            $count = $alone === null ? 0 : (new Move($alone))->import($this->text('file'), $this->user->nick);
            Tools::log()->notice('gancho-imported', ['%count%' => $count]);
        } catch (Refused $refused) {
            Tools::log()->error($refused->sentence());
        }
    }

    /** Whether PHP can't send, which the page reports. */
    public function isWithoutCurl(): bool
    {
        return !function_exists('curl_multi_init');
    }

    /** Whether the sender (a server or the plugin) has been selected. */
    public function isChosen(): bool
    {
        return $this->settings->isAlone() || $this->settings->isFetched() || $this->settings->get('url') !== '';
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
        $this->readOwn();
        $engine = Engine::of($this->db());
        $this->backlog = $engine->backlog();
        $this->dropped = $engine->dropped();
        $this->lost = $engine->lost() + ($this->state['refused'] ?? 0);
        // Customers and prices would be readable in transit.
        $host = parse_url($this->settings->get('url'), PHP_URL_HOST) ?: 'localhost';
        $isNear = preg_match('/^(localhost|127\.|10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|\[)|^[^.]+$/', $host) === 1;
        $this->isFar = str_starts_with($this->settings->get('url'), 'http://') && !$isNear;
    }

    private function readOwn(): void
    {
        $db = new Database($this->db());
        $this->hasOwn = (new Tables($db))->areThere();
        if ($this->hasOwn) {
            $this->ownWebhooks = $db->number('SELECT COUNT(*) AS n FROM ' . Tables::WEBHOOKS);
            $this->ownWaiting = $db->number('SELECT COUNT(*) AS n FROM ' . Tables::DELIVERIES . " WHERE state = 'pending'");
        }
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
