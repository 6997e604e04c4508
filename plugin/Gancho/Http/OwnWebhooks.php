<?php
namespace FacturaScripts\Plugins\Gancho\Http;

use FacturaScripts\Core\Tools;
use FacturaScripts\Plugins\Gancho\Outbox\ErpSchema;
use FacturaScripts\Plugins\Gancho\Webhook\{Alone, Attempt, KeyLost, Refused, Snapshot, Webhook};

/** Data and actions of the webhooks page in standalone mode. */
final class OwnWebhooks
{
    /** @var Webhook[] */
    public array $webhooks = [];
    public ?Webhook $one = null;
    /** The secret of a webhook just added or rotated; shown only once. */
    public string $secret = '';
    public ?array $test = null;
    /** The submitted values, if they were refused. */
    public array $typed = [];
    public array $history = [];
    public bool $isKeyLost = false;

    public function __construct(private Alone $alone, private string $who)
    {
    }

    /** @param callable $field returns a field of the form, as text or as a list */
    public function act(string $action, callable $field): void
    {
        try {
            $webhook = $action === 'add' ? null : $this->alone->webhooks->find((string)$field('id'));
            if ($action === 'add') {
                $webhook = $this->alone->webhooks->add($this->fields($field), $this->who);
                $this->secret = $webhook->sealed['secret'];
            } elseif ($webhook === null) {
                Tools::log()->warning('record-not-found');
            } else {
                $this->actOn($webhook, $action, $field);
            }
        } catch (Refused $refused) {
            $this->typed = ['url' => $field('url'), 'name' => $field('name'), 'patterns' => $field('patterns')];
            Tools::log()->error($refused->sentence());
        }
    }

    private function actOn(Webhook $webhook, string $action, callable $field): void
    {
        $webhooks = $this->alone->webhooks;
        match ($action) {
            'save' => $webhooks->update($webhook, $this->fields($field), $this->who),
            'pause' => $webhooks->update($webhook, ['paused' => true], $this->who),
            'resume' => $webhooks->update($webhook, ['paused' => false, 'enabled' => true], $this->who),
            'disable' => $webhooks->update($webhook, ['enabled' => false], $this->who),
            'rotate' => $this->secret = $webhooks->rotateSecret($webhook, $this->who),
            'retry' => $this->alone->deliveries->retryNow($webhook->id),
            'resend' => $this->resend($webhook, (string)$field('since')),
            'remove' => $webhooks->remove($webhook, $this->who),
            'send' => $this->send($webhook, (string)$field('model'), (string)$field('code')),
            'test' => $this->test = self::shown($this->alone->test($webhook)),
            default => null,
        };
        if (!in_array($action, ['test', 'rotate', 'resend', 'send'], true)) {
            Tools::log()->notice('record-updated-correctly');
        }
    }

    private function resend(Webhook $webhook, string $since): void
    {
        $at = strtotime($since);
        if ($at === false) {
            Tools::log()->warning('gancho-own-since-bad');
            return;
        }
        $count = $this->alone->deliveries->resendFailed($webhook->id, $at * 1000);
        Tools::log()->notice('gancho-own-resent', ['%count%' => $count]);
    }

    private function send(Webhook $webhook, string $model, string $code): void
    {
        if ((new Snapshot($this->alone))->send($webhook, $model, $code)) {
            Tools::log()->notice('gancho-sent-now');
        } else {
            Tools::log()->error('gancho-not-captured');
        }
    }

    /** A test's result: status, response, and its meaning. */
    private static function shown(Attempt $attempt): array
    {
        return ['ok' => $attempt->isSuccess(), 'why' => self::sentence($attempt->status, $attempt->kind), 'detail' => $attempt->message] + $attempt->toArray(1);
    }

    /** Why an attempt failed, localized. */
    public static function sentence(?int $status, ?string $kind): string
    {
        return $status !== null ? Tools::lang()->trans('gancho-answered', ['%code%' => (string)$status])
            : ($kind === null ? '' : Tools::lang()->trans("gancho-error-$kind"));
    }

    /** Selected types and entered patterns. */
    private function fields(callable $field): array
    {
        $typed = preg_split('/[\s,]+/', (string)$field('patterns'), -1, PREG_SPLIT_NO_EMPTY);
        $chosen = (array)$field('events[]');
        return ['url' => $field('url'), 'name' => $field('name'), 'events' => array_values(array_unique([...$chosen, ...$typed]))];
    }

    public function read(string $id): void
    {
        try {
            $this->webhooks = $this->alone->webhooks->all();
            $this->one = $this->webhooks[$id] ?? null;
            $this->history = $this->alone->webhooks->history(20);
        } catch (KeyLost) {
            $this->isKeyLost = true;
        }
    }

    /** Event types by business area and noun: `{area: {noun: [verb]}}`. */
    public function types(): array
    {
        $types = [];
        foreach (ErpSchema::events() as [$noun, $area, $verbs]) {
            $types[$area][$noun] = $verbs;
        }
        return $types;
    }

    /** Number of a webhook's pending deliveries. */
    public function waiting(Webhook $webhook): int
    {
        return $this->alone->deliveries->waiting($webhook->id);
    }

    /** Seconds since the plugin last checked for pending deliveries; null if never. */
    public function passedAgo(): ?int
    {
        $at = $this->alone->settings->state()['passed_at'] ?? null;
        return $at === null ? null : max(0, time() - (int)$at);
    }

    public function isCronRunning(): bool
    {
        return $this->alone->settings->isCronRunning();
    }

    public function cronAt(): ?int
    {
        return $this->alone->settings->state()['cron_at'] ?? null;
    }

    /** For the machine's crontab. */
    public function cronLine(): string
    {
        return '*/5 * * * * ' . (PHP_BINDIR . '/php') . ' ' . escapeshellarg(FS_FOLDER . '/index.php') . ' -cron >/dev/null 2>&1';
    }
}
