<?php
namespace FacturaScripts\Plugins\Gancho\Webhook;

/** One request under way. */
final class Call
{
    private const FIELDS_MAX = 64;
    /** Timeout for the body after the header, seconds. */
    private const BODY_S = 2.0;

    public \CurlHandle $curl;
    private float $began;
    private int $at;
    /** @var array<int, array{0: string, 1: string}> */
    private array $answered = [];
    private string $body = '';
    private bool $isFull = false;
    private bool $hasHeaders = false;
    private float $headersAt = 0.0;

    /** @param array<string, string> $sent header fields, for the log */
    public function __construct(private string $address, private array $sent, private int $bodyMax)
    {
        [$this->began, $this->at] = [microtime(true), (int)(microtime(true) * 1000)];
        $this->curl = curl_init();
        curl_setopt($this->curl, CURLOPT_HEADERFUNCTION, fn($curl, string $line) => $this->header($line));
        curl_setopt($this->curl, CURLOPT_NOPROGRESS, false);
        // The body is only for the log: don't wait for it.
        curl_setopt($this->curl, CURLOPT_PROGRESSFUNCTION, fn() => (int)($this->hasHeaders && microtime(true) - $this->headersAt > self::BODY_S));
        curl_setopt($this->curl, CURLOPT_WRITEFUNCTION, fn($curl, string $part) => $this->part($part));
    }

    /** The resulting attempt; `$result` is curl's. */
    public function attempt(int $result): Attempt
    {
        $status = (int)curl_getinfo($this->curl, CURLINFO_RESPONSE_CODE) ?: null;
        $reached = (string)curl_getinfo($this->curl, CURLINFO_PRIMARY_IP);
        [$kind, $message] = [null, ''];
        if ($reached !== '' && @inet_pton($reached) !== @inet_pton($this->address)) {
            [$status, $kind, $message] = [null, 'blocked', "$reached was reached instead of $this->address"];
        } elseif ($result !== CURLE_OK && !($this->hasHeaders && $status !== null)) {
            // With a complete header the response counts, even if its body was cut.
            [$status, $kind, $message] = [null, self::kind($result), curl_error($this->curl) ?: (string)curl_strerror($result)];
        } elseif ($status < 200 || $status >= 300) {
            [$kind, $message] = ['status', self::sentence((int)$status)];
        }
        $duration = (int)((microtime(true) - $this->began) * 1000);
        return new Attempt($this->at, $duration, $status, $kind, $message, $this->sent, $this->answered, $this->body, $this->isFull || ($result !== CURLE_OK && $kind === null));
    }

    private function header(string $line): int
    {
        if (preg_match('#^HTTP/#', $line)) {
            // An interim response, such as 103, preceded it.
            [$this->answered, $this->hasHeaders] = [[], false];
        } elseif (trim($line) === '') {
            [$this->hasHeaders, $this->headersAt] = [true, microtime(true)];
        } elseif (str_contains($line, ':') && count($this->answered) < self::FIELDS_MAX) {
            [$name, $value] = explode(':', $line, 2);
            $this->answered[] = [strtolower(trim($name)), substr(trim($value), 0, 1000)];
        }
        return strlen($line);
    }

    /** Stops reading at the maximum size. */
    private function part(string $part): int
    {
        $this->body .= substr($part, 0, $this->bodyMax - strlen($this->body));
        $this->isFull = strlen($this->body) >= $this->bodyMax;
        return $this->isFull ? 0 : strlen($part);
    }

    private static function kind(int $result): string
    {
        return match ($result) {
            CURLE_COULDNT_RESOLVE_HOST => 'dns',
            CURLE_COULDNT_CONNECT => 'connect',
            CURLE_OPERATION_TIMEDOUT => 'timeout',
            CURLE_SSL_CONNECT_ERROR, CURLE_SSL_PEER_CERTIFICATE, CURLE_SSL_CACERT, CURLE_SSL_CACERT_BADFILE => 'tls',
            default => 'protocol',
        };
    }

    private static function sentence(int $status): string
    {
        return match (true) {
            $status >= 300 && $status < 400 => "the receiver answered $status, a redirect: redirects are not followed",
            $status === 410 => 'the receiver answered 410: it wants no more events',
            default => "the receiver answered $status",
        };
    }
}
