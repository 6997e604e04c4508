<?php
declare(strict_types=1);

/**
 * Receives Gancho's webhooks: verifies that a request is Gancho's, and handles each event once. One file, no dependencies,
 * PHP 8.1 or newer. Copy it into your project.
 *
 *     $receiver = new GanchoReceiver(getenv('WEBHOOK_SECRET'));
 *     try {
 *         $event = $receiver->receive();
 *     } catch (GanchoRefused $refused) {
 *         http_response_code(401);
 *         exit($refused->getMessage());
 *     }
 *     $done = (new GanchoIds(__DIR__ . '/ids'))->once($event['id'], function () use ($event) {
 *         // Your work.
 *     });
 *     http_response_code($done === GanchoIds::BUSY ? 503 : 200);
 */
final class GanchoReceiver
{
    /** How far a signed time may lie from now, seconds, on either side. */
    private const TOLERANCE_S = 300;

    /** @var string[] */
    private array $secrets;

    /**
     * @param string|string[] $secrets while a secret is being changed, the old one and the new one
     * @param bool $acceptBodyOnly also believe X-Webhook-Signature alone, which does not cover the time, so that an old
     *     request stays valid; only for secrets that do not begin with whsec_
     */
    public function __construct(string|array $secrets, private bool $acceptBodyOnly = false)
    {
        $this->secrets = array_values((array)$secrets);
    }

    /** The event of the request that PHP is answering. */
    public function receive(): array
    {
        $headers = [];
        foreach ($_SERVER as $name => $value) {
            if (str_starts_with($name, 'HTTP_')) {
                $headers[strtolower(str_replace('_', '-', substr($name, 5)))] = $value;
            }
        }
        return $this->event($headers, (string)file_get_contents('php://input'), time());
    }

    /**
     * The event of a request: header names in lower case, the raw body, the time in Unix seconds.
     *
     * @throws GanchoRefused
     */
    public function event(array $headers, string $body, int $now): array
    {
        $this->verify($headers, $body, $now);
        $event = json_decode($body, true);
        return is_array($event) ? $event : throw new GanchoRefused('body', 'the body is no JSON');
    }

    /**
     * Says which secret signed a request: `standard:0`, `plain:1`.
     *
     * @throws GanchoRefused
     */
    public function verify(array $headers, string $body, int $now): string
    {
        if (isset($headers['webhook-signature'])) {
            return 'standard:' . $this->standard($headers, $body, $now);
        }
        $given = array_filter([$headers['x-webhook-signature'] ?? null, $headers['x-webhook-signature-next'] ?? null]);
        if (!$given) {
            throw new GanchoRefused('missing', 'the request carries no signature');
        }
        if (!$this->acceptBodyOnly) {
            throw new GanchoRefused('body only', 'the request carries only X-Webhook-Signature, which does not cover the time');
        }
        return 'plain:' . $this->matching($given, fn(string $secret) => hash_hmac('sha256', $body, $secret));
    }

    private function standard(array $headers, string $body, int $now): int
    {
        $id = $headers['webhook-id'] ?? null;
        $at = $headers['webhook-timestamp'] ?? '';
        if ($id === null || !preg_match('/^-?\d{1,18}$/', $at)) {
            throw new GanchoRefused('header', 'webhook-id or webhook-timestamp is missing or malformed');
        }
        if (abs($now - (int)$at) > self::TOLERANCE_S) {
            throw new GanchoRefused('stale', 'the time is more than five minutes from now: an old request, or a wrong clock');
        }
        return $this->matching(explode(' ', $headers['webhook-signature']), function (string $secret) use ($id, $at, $body) {
            $key = str_starts_with($secret, 'whsec_') ? base64_decode(substr($secret, 6), true) : false;
            return $key === false ? null : 'v1,' . base64_encode(hash_hmac('sha256', "$id.$at.$body", $key, true));
        });
    }

    /** The first secret whose signature is among those given; every pair is compared. */
    private function matching(array $given, callable $sign): int
    {
        $found = null;
        foreach ($this->secrets as $n => $secret) {
            $right = $sign($secret);
            foreach ($given as $one) {
                if ($right !== null && hash_equals($right, $one)) {
                    $found ??= $n;
                }
            }
        }
        return $found ?? throw new GanchoRefused('mismatch', 'the signature matches no secret: was the raw body used, unchanged?');
    }
}

/** A request that is not to be believed: answer 401 and handle nothing. */
final class GanchoRefused extends RuntimeException
{
    public function __construct(public readonly string $reason, string $message)
    {
        parent::__construct($message);
    }
}

/** Remembers the ids of handled events in a folder, for 40 days: Gancho sends an event again if an answer gets lost. */
final class GanchoIds
{
    public const HANDLED = 'handled';
    /** It was handled before. */
    public const REPEAT = 'repeat';
    /** Another process handles it just now: answer 503, and it comes again. */
    public const BUSY = 'busy';
    /** After so many seconds whoever began is taken for dead. */
    private const CLAIM_S = 300;
    private const REMEMBER_S = 40 * 86400;

    public function __construct(private string $folder)
    {
        if (!is_dir($folder) && !mkdir($folder, 0700, true) && !is_dir($folder)) {
            throw new RuntimeException("the folder $folder can't be made");
        }
    }

    /** Runs the handler unless this event was handled before. What it throws makes the event count as not handled. */
    public function once(string $id, callable $handle): string
    {
        $file = $this->folder . '/' . hash('sha256', $id);
        if (is_file("$file.done")) {
            return self::REPEAT;
        }
        if (is_file("$file.claim") && time() - (int)filemtime("$file.claim") > self::CLAIM_S) {
            @unlink("$file.claim");
        }
        $claim = @fopen("$file.claim", 'x');
        if ($claim === false) {
            return self::BUSY;
        }
        fclose($claim);
        // Somebody may have finished between the look and the claim.
        if (is_file("$file.done")) {
            unlink("$file.claim");
            return self::REPEAT;
        }
        try {
            $handle();
        } catch (Throwable $error) {
            unlink("$file.claim");
            throw $error;
        }
        rename("$file.claim", "$file.done");
        touch("$file.done");
        if (random_int(1, 100) === 1) {
            $this->forget();
        }
        return self::HANDLED;
    }

    private function forget(): void
    {
        foreach (glob($this->folder . '/*.done') ?: [] as $file) {
            if (time() - (int)filemtime($file) > self::REMEMBER_S) {
                @unlink($file);
            }
        }
    }
}
