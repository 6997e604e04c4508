<?php
namespace FacturaScripts\Plugins\Gancho\Controller;

use FacturaScripts\Core\Tools;
use FacturaScripts\Plugins\Gancho\Http\{GanchoPage, OwnWebhooks};
use FacturaScripts\Plugins\Gancho\Webhook\{Alone, Database, KeyLost, Tables};

/** Deliveries of the standalone mode, each with its attempts. */
class GanchoDeliveries extends GanchoPage
{
    private const PAGE = 50;

    public array $deliveries = [];
    public array $webhooks = [];
    public ?array $one = null;
    public array $attempts = [];
    public array $filter = [];
    /** Cursor of the next page; 0 on the last one. */
    public int $next = 0;
    public bool $isKeyLost = false;
    /** Whether a server sends now, and this page shows what the plugin sent before. */
    public bool $isPast = false;

    public function getPageData(): array
    {
        return $this->page('gancho-deliveries', 'fa-solid fa-paper-plane');
    }

    protected function act(string $action): void
    {
        $alone = $this->alone();
        $delivery = $alone?->deliveries->find($this->text('id'));
        if ($action === 'resend' && $delivery !== null) {
            $alone->deliveries->resend([(int)$delivery['n']]);
            Tools::log()->notice('gancho-own-resent', ['%count%' => 1]);
        }
    }

    protected function read(): void
    {
        $this->isPast = !$this->settings->isAlone();
        if ($this->isPast && !(new Tables(new Database($this->db())))->areThere()) {
            return;
        }
        $alone = $this->alone();
        $this->isKeyLost = $alone === null;
        if ($alone === null) {
            return;
        }
        foreach (['webhook', 'state', 'type', 'before'] as $field) {
            $this->filter[$field] = preg_replace('/[^a-z0-9_.]/', '', trim((string)$this->request()->query($field, '')));
        }
        $this->filter['before'] = (int)$this->filter['before'] ?: '';
        $this->webhooks = $alone->webhooks->all();
        $id = (string)$this->request()->query('id', '');
        if ($id !== '') {
            $this->one = $alone->deliveries->find($id);
            $this->attempts = $this->one === null ? [] : $alone->deliveries->attempts($this->one);
            return;
        }
        $this->deliveries = $alone->deliveries->page($this->filter, self::PAGE);
        $last = end($this->deliveries);
        $this->next = count($this->deliveries) === self::PAGE ? (int)$last['n'] : 0;
    }

    private function alone(): ?Alone
    {
        try {
            return new Alone($this->db(), $this->settings, $this->settings->isAlone());
        } catch (KeyLost) {
            return null;
        }
    }

    /** Why it failed, localized. */
    public function why(?int $status, ?string $kind): string
    {
        return OwnWebhooks::sentence($status, $kind);
    }

    public function at(mixed $ms): string
    {
        return $ms ? date(Tools::DATETIME_STYLE, intdiv((int)$ms, 1000)) : '–';
    }

    /** Formatted JSON. */
    public function pretty(?string $json): string
    {
        $read = json_decode((string)$json);
        return $read === null ? (string)$json : (string)json_encode($read, JSON_PRETTY_PRINT | JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES);
    }
}
