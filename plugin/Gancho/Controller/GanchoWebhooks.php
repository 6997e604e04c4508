<?php
namespace FacturaScripts\Plugins\Gancho\Controller;

use FacturaScripts\Core\Tools;
use FacturaScripts\Plugins\Gancho\Http\{GanchoPage, OwnWebhooks};
use FacturaScripts\Plugins\Gancho\Outbox\ErpSchema;
use FacturaScripts\Plugins\Gancho\Outbox\SendNow;
use FacturaScripts\Plugins\Gancho\Server\Answer;
use FacturaScripts\Plugins\Gancho\Server\Client;
use FacturaScripts\Plugins\Gancho\Webhook\{Alone, KeyLost};

/** The webhooks, and how they are: a server's, or the plugin's own where it sends by itself. */
class GanchoWebhooks extends GanchoPage
{
    public array $webhooks = [];
    public bool $isAllowed = false;
    public string $error = '';
    /** Of a webhook just added; shown this once. */
    public string $secret = '';
    /** The record that is to be sent: its model and key; empty where none is. */
    public string $model = '';
    public string $code = '';

    public function getPageData(): array
    {
        return $this->page('gancho-webhooks', 'fa-solid fa-share-nodes');
    }

    /** Where the plugin sends by itself; null where the key is gone, too. */
    public ?OwnWebhooks $own = null;

    protected function template(): string
    {
        return $this->settings->isAlone() ? 'GanchoOwnWebhooks' : parent::template();
    }

    private function own(): ?OwnWebhooks
    {
        try {
            return $this->own ??= new OwnWebhooks(new Alone($this->db(), $this->settings, true), $this->user->nick);
        } catch (KeyLost) {
            return null;
        }
    }

    protected function act(string $action): void
    {
        if ($this->settings->isAlone()) {
            if ($action === 'send' && !$this->maySend()) {
                return;
            }
            $this->own()?->act($action, fn(string $field) => str_ends_with($field, '[]')
                ? $this->request()->request->getArray(substr($field, 0, -2)) : $this->text($field));
            return;
        }
        $id = preg_replace('/[^a-z0-9_]/', '', $this->text('id'));
        match ($action) {
            'add' => $this->add(),
            'pause' => $this->done($this->call('PATCH', "endpoints/$id", ['paused' => true])),
            'resume' => $this->done($this->call('PATCH', "endpoints/$id", ['paused' => false, 'enabled' => true])),
            'test' => $this->test($id),
            'send' => $this->send($id),
            default => null,
        };
    }

    private function add(): void
    {
        $events = preg_split('/[\s,]+/', $this->text('events'), -1, PREG_SPLIT_NO_EMPTY) ?: ['*'];
        $answer = $this->call('POST', 'endpoints', ['url' => $this->text('url'), 'events' => $events]);
        if ($answer->ok()) {
            $this->secret = (string)($answer->body['secret'] ?? '');
            return;
        }
        $this->done($answer);
    }

    private function test(string $id): void
    {
        $answer = $this->call('POST', "endpoints/$id/test?wait=true", (object)[], 12.0);
        $attempts = (array)($answer->body['attempts'] ?? []);
        $attempt = $attempts ? end($attempts) : [];
        if ($answer->ok() && ($answer->body['state'] ?? '') === 'delivered') {
            Tools::log()->notice('gancho-webhook-arrived', ['%code%' => $attempt['status_code'] ?? '']);
        } else {
            Tools::log()->error('gancho-webhook-failed', ['%why%' => $answer->ok() ? self::why($attempt) : $answer->sentence()]);
        }
    }

    /** Sends the record, as it is now. */
    private function send(string $id): void
    {
        [$model, $code] = [$this->text('model'), $this->text('code')];
        if (!$this->maySend()) {
            return;
        }
        if ($this->settings->get('token') === '') {
            Tools::log()->error('gancho-send-needs-token');
            return;
        }
        $answer = SendNow::to($this->db(), $this->settings, $id, $model, $code);
        if ($answer === null) {
            Tools::log()->error('gancho-not-captured');
        } elseif ($answer->ok()) {
            Tools::log()->notice('gancho-sent-now');
        } else {
            $this->done($answer);
        }
    }

    /** Whoever sends a record must be allowed to open it. */
    private function maySend(): bool
    {
        $model = $this->text('model');
        $may = isset(ErpSchema::models()[$model]) && $this->user->can("Edit$model");
        if (!$may) {
            Tools::log()->warning('not-allowed-modify');
        }
        return $may;
    }

    /** Why a test did not arrive, in the reader's language, with what Gancho saw. */
    private static function why(array $attempt): string
    {
        if (isset($attempt['status_code'])) {
            return Tools::lang()->trans('gancho-answered', ['%code%' => $attempt['status_code']]);
        }
        $kind = (string)($attempt['error']['kind'] ?? 'waits');
        return trim(Tools::lang()->trans("gancho-error-$kind") . ' ' . ($attempt['error']['message'] ?? ''));
    }

    private function done(Answer $answer): void
    {
        if ($answer->ok()) {
            Tools::log()->notice('record-updated-correctly');
        } else {
            Tools::log()->error('gancho-refused', ['%why%' => $answer->sentence()]);
        }
    }

    private function call(string $method, string $path, array|object|null $body = null, float $seconds = 4.0): Answer
    {
        return Client::admin($this->settings)->call($method, $path, $body, $seconds);
    }

    protected function read(): void
    {
        foreach (['model', 'code'] as $field) {
            // A link names it at first, the form afterwards.
            $this->$field = $this->text($field) ?: trim((string)$this->request()->query($field, ''));
        }
        if ($this->settings->isAlone()) {
            $this->own()?->read((string)$this->request()->query('id', ''));
            return;
        }
        $this->isAllowed = $this->settings->get('admin_token') !== '' && $this->settings->get('url') !== '';
        if (!$this->isAllowed) {
            return;
        }
        $answer = $this->call('GET', 'endpoints?limit=200');
        if ($answer->ok()) {
            $this->webhooks = $answer->body['data'] ?? [];
        } else {
            $this->error = $answer->sentence();
        }
    }

    /** The page of a webhook, or of all, at Gancho. */
    public function at(string $path): string
    {
        return $this->settings->get('url') . $path;
    }
}
