<?php
namespace FacturaScripts\Plugins\Gancho\Controller;

use FacturaScripts\Core\Tools;
use FacturaScripts\Plugins\Gancho\Http\{GanchoPage, OwnWebhooks};
use FacturaScripts\Plugins\Gancho\Outbox\ErpSchema;
use FacturaScripts\Plugins\Gancho\Outbox\SendNow;
use FacturaScripts\Plugins\Gancho\Server\Answer;
use FacturaScripts\Plugins\Gancho\Server\Client;
use FacturaScripts\Plugins\Gancho\Webhook\{Alone, KeyLost};

/** The webhooks and their health: a server's, or the plugin's own in standalone mode. */
class GanchoWebhooks extends GanchoPage
{
    public array $webhooks = [];
    public bool $isAllowed = false;
    public string $error = '';
    /** The secret of a webhook just added; shown only once. */
    public string $secret = '';
    /** The record to send: its model and key; empty if there is none. */
    public string $model = '';
    public string $code = '';

    public function getPageData(): array
    {
        return $this->page('gancho-webhooks', 'fa-solid fa-share-nodes');
    }

    /** In standalone mode; null if its key is lost. */
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

    /** Sends the current record. */
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

    /** A user who sends a record must be allowed to open it. */
    private function maySend(): bool
    {
        $model = $this->text('model');
        $may = isset(ErpSchema::models()[$model]) && $this->user->can("Edit$model");
        if (!$may) {
            Tools::log()->warning('not-allowed-modify');
        }
        return $may;
    }

    /** Why a test failed, localized, with the error that Gancho reported. */
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
            // A link contains it first, the form afterwards.
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

    /** The URL of a webhook's page, or of the list, on the server. */
    public function at(string $path): string
    {
        return $this->settings->get('url') . $path;
    }
}
