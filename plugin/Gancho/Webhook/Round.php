<?php
namespace FacturaScripts\Plugins\Gancho\Webhook;

use FacturaScripts\Core\Base\DataBase as ErpDatabase;
use FacturaScripts\Plugins\Gancho\Outbox\{Engine, Site};
use FacturaScripts\Plugins\Gancho\Server\Settings;

/**
 * What one process does: makes events of what the ERP changed, and sends what is due, until its time is up. It begins
 * nothing afterwards; what it has begun ends within the time of an attempt.
 */
final class Round
{
    private const BATCH = 16;
    /** An attempt's limit and some: whoever still has a delivery then is gone. */
    private const LEASE_MS = 30000;

    /** How often it is noted that somebody looked, seconds. */
    private const NOTED_S = 30;

    private Engine $engine;

    /** What waits in the outbox are large acts, which cron takes: nobody else is to look again. */
    public bool $isLeftToCron = false;

    /** `$isCron`: large acts are its work, where it runs. */
    public function __construct(private ErpDatabase $erp, private Settings $settings, private float $deadline, private bool $isCron = false)
    {
        $this->engine = Engine::of($erp);
    }

    /**
     * Says whether something is left that could go now. `$collects`: no where a server has the changes by now, and only what
     * was made before is still to be sent.
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
            // What became of webhooks is news to others; where a server has them, it says so.
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
            // What it says may hold a record: the place is enough to find it.
            $this->settings->noteFailure(get_class($error) . ' in ' . basename($error->getFile()) . ':' . $error->getLine(), 60);
        }
        return false;
    }

    /** Cron came to an end: one that only begins takes nothing off requests. */
    private function noteCron(): void
    {
        if (!$this->isCron) {
            return;
        }
        try {
            new Alone($this->erp, $this->settings, true);
            $this->settings->note(['cron_done_at' => time()]);
        } catch (KeyLost | DatabaseError) {
            // Its PHP lacks what is needed, or its account may not read the key: requests do without it.
        }
    }

    /** Asked after each answer of the ERP: two statements. */
    private function isAnythingToDo(bool $collects): bool
    {
        $deliveries = fn() => new Deliveries(new Database($this->erp), null);
        return $collects && $this->engine->isWaiting() || ($this->settings->state()['alone'] ?? false) !== true
            || $deliveries()->isAnyDue((int)(microtime(true) * 1000));
    }

    /** Whether acts have ended that were not looked at. */
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
                // An act goes on: for a short while it is waited for.
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

    /** @return string[] webhooks whose host is slow to look up */
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
