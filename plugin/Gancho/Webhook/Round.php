<?php
namespace FacturaScripts\Plugins\Gancho\Webhook;

use FacturaScripts\Core\Base\DataBase as ErpDatabase;
use FacturaScripts\Plugins\Gancho\Outbox\{Engine, Site};
use FacturaScripts\Plugins\Gancho\Server\Settings;

/**
 * One pass of a process: makes events from the ERP's changes, and sends due deliveries, until its time is up.
 * Afterwards it starts nothing; attempts under way end within their timeout.
 */
final class Round
{
    private const BATCH = 16;
    /** An attempt's timeout and a margin: a process that still holds a delivery then is dead. */
    private const LEASE_MS = 30000;

    /** Interval of recording that a check was made, seconds. */
    private const NOTED_S = 30;

    private Engine $engine;

    /** All waiting rows belong to large change groups, which are left to cron: requests need not check again. */
    public bool $isLeftToCron = false;

    /** `$isCron`: processes large change groups, which requests leave to cron where it runs. */
    public function __construct(private ErpDatabase $erp, private Settings $settings, private float $deadline, private bool $isCron = false)
    {
        $this->engine = Engine::of($erp);
    }

    /**
     * Returns whether something is left that could be done now. `$collects`: false if a server gets the changes, and
     * only earlier deliveries are still to be sent.
     */
    public function run(bool $collects = true): bool
    {
        if (!function_exists('curl_multi_init')) {
            $this->settings->noteFailure("PHP's extension curl is missing", 600);
            return false;
        }
        try {
            $site = new Site($this->engine, $this->settings);
            if (($this->settings->state()['passed_at'] ?? 0) + self::NOTED_S < time()) {
                $this->settings->note(['passed_at' => time()]);
            }
            if (!$this->isAnythingToDo($collects) && !$site->isToBeSigned()) {
                $this->noteCron();
                return false;
            }
            if ($site->isCopy()) {
                return false;
            }
            $alone = new Alone($this->erp, $this->settings, true);
            $left = $collects && $this->collect($alone);
            $left = $this->sendDue($alone) || $left;
            // Changed health is announced to other webhooks; a server announces it itself.
            $isNews = $collects && (new Announce($alone))->run();
            $left = ($isNews && (microtime(true) > $this->deadline || $this->sendDue($alone))) || $left;
            (new Alert($alone))->send();
            if ($site->isToBeSigned()) {
                $site->sign();
                (new Retention($alone))->clean();
            }
            $this->settings->notePush();
            $this->noteCron();
            return $left;
        } catch (KeyLost | DatabaseError $error) {
            $this->settings->noteFailure($error->getMessage(), 60);
        } catch (\Throwable $error) {
            // The message may contain a record: the location is enough to find the error.
            $this->settings->noteFailure(get_class($error) . ' in ' . basename($error->getFile()) . ':' . $error->getLine(), 60);
        }
        return false;
    }

    /** Cron has finished: a run that only starts relieves no requests. */
    private function noteCron(): void
    {
        if (!$this->isCron) {
            return;
        }
        try {
            new Alone($this->erp, $this->settings, true);
            $this->settings->note(['cron_done_at' => time()]);
        } catch (KeyLost | DatabaseError) {
            // Its PHP lacks an extension, or its account can't read the key: requests don't rely on it.
        }
    }

    /** Checked after each response of the ERP: two statements. */
    private function isAnythingToDo(bool $collects): bool
    {
        $deliveries = fn() => new Deliveries(new Database($this->erp), null);
        return $collects && $this->engine->isWaiting() || ($this->settings->state()['alone'] ?? false) !== true
            || $deliveries()->isAnyDue((int)(microtime(true) * 1000));
    }

    /** Whether there may be complete change groups left to process. */
    private function collect(Alone $alone): bool
    {
        $leavesLarge = !$this->isCron && $this->settings->isCronDoing();
        $collect = new Collect($this->erp, $alone->db, $alone->tables, $alone->vault, $alone->webhooks, $this->settings, $leavesLarge);
        $pause = 60000;
        while ($this->engine->isWaiting()) {
            $done = $collect->run();
            if ($done['left']) {
                $this->isLeftToCron = true;
                return false;
            }
            if ($done['rows'] === 0) {
                // A change group is incomplete: wait for it briefly.
                if (microtime(true) + $pause / 1e6 > $this->deadline) {
                    return $done['waiting'] > 0;
                }
                usleep($pause);
                $pause *= 2;
            } elseif (!$done['more'] && $done['waiting'] === 0) {
                return false;
            }
            if (microtime(true) > $this->deadline) {
                return true;
            }
        }
        return false;
    }

    private function sendDue(Alone $alone): bool
    {
        $sender = new Sender($alone->guard);
        do {
            $now = (int)(microtime(true) * 1000);
            $webhooks = array_filter($alone->webhooks->all(), fn(Webhook $one) => $one->enabled && !$one->paused);
            $claimed = $alone->deliveries->claim($webhooks, self::BATCH, $now, self::LEASE_MS, $this->slow($alone, $webhooks));
            $this->send($alone, $sender, $claimed, $webhooks);
        } while ($claimed && microtime(true) < $this->deadline);
        return $claimed !== [] && $alone->deliveries->isAnyDue((int)(microtime(true) * 1000));
    }

    private function send(Alone $alone, Sender $sender, array $claimed, array $webhooks): void
    {
        $requests = [];
        foreach ($claimed as $place => $delivery) {
            $event = $alone->deliveries->opened($delivery);
            if ($event['body'] === null) {
                throw new KeyLost();
            }
            $requests[$place] = ['webhook' => $webhooks[$delivery['webhook']], 'type' => $delivery['type'], 'event_id' => $delivery['event_id'],
                'sequence' => max(0, (int)$delivery['event']), 'attempt' => (int)$delivery['attempts'] + 1, 'body' => $event['body']];
        }
        $sender->send($requests, fn(int $place, Attempt $attempt) => $alone->deliveries->record($claimed[$place], $attempt));
    }

    /** @return string[] webhooks whose host has slow lookups */
    private function slow(Alone $alone, array $webhooks): array
    {
        $isSlow = function (Webhook $webhook) use ($alone) {
            try {
                return $alone->guard->isSlow(Target::parse($webhook->url()));
            } catch (Refused) {
                return false;
            }
        };
        return array_keys(array_filter($webhooks, $isSlow));
    }
}
