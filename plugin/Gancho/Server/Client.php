<?php
namespace FacturaScripts\Plugins\Gancho\Server;

/** A client of Gancho's API. */
final class Client
{
    private const ANSWER_MAX = 4000000;

    private function __construct(private string $url, private string $token)
    {
    }

    /** With the token of this ERP's source. */
    public static function source(Settings $settings): self
    {
        return new self($settings->get('url'), $settings->get('token'));
    }

    /** With the token for managing webhooks. */
    public static function admin(Settings $settings): self
    {
        return new self($settings->get('url'), $settings->get('admin_token'));
    }

    public function call(string $method, string $path, array|object|null $body = null, float $seconds = 4.0): Answer
    {
        if (!function_exists('curl_init')) {
            return new Answer(0, [], 'curl');
        }
        $text = '';
        $curl = curl_init(rtrim($this->url, '/') . '/api/v1/' . $path);
        curl_setopt_array($curl, [
            CURLOPT_CUSTOMREQUEST => $method,
            CURLOPT_FOLLOWLOCATION => false,
            CURLOPT_PROTOCOLS => CURLPROTO_HTTP | CURLPROTO_HTTPS,
            CURLOPT_NOSIGNAL => true,
            CURLOPT_CONNECTTIMEOUT_MS => (int)min(1000, $seconds * 1000),
            CURLOPT_TIMEOUT_MS => (int)max(100, $seconds * 1000),
            CURLOPT_HTTPHEADER => ['Authorization: Bearer ' . $this->token, 'Content-Type: application/json', 'Expect:'],
            CURLOPT_WRITEFUNCTION => function ($curl, string $part) use (&$text) {
                $text .= $part;
                // A larger response is not Gancho's.
                return strlen($text) > self::ANSWER_MAX ? 0 : strlen($part);
            },
        ]);
        if ($body !== null) {
            $flags = JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_INVALID_UTF8_SUBSTITUTE | JSON_PRESERVE_ZERO_FRACTION;
            curl_setopt($curl, CURLOPT_POSTFIELDS, (string)json_encode($body, $flags | JSON_PARTIAL_OUTPUT_ON_ERROR));
        }
        $facts = ['%url%' => $this->address()];
        if (curl_exec($curl) === false) {
            return new Answer(0, [], self::why(curl_errno($curl)), $facts + ['%detail%' => curl_error($curl)]);
        }
        $decoded = json_decode($text, true);
        return new Answer((int)curl_getinfo($curl, CURLINFO_RESPONSE_CODE), is_array($decoded) ? $decoded : [], '', $facts);
    }

    /** Gancho's address, without secret parts. */
    private function address(): string
    {
        $parts = parse_url($this->url) ?: [];
        return ($parts['scheme'] ?? 'http') . '://' . ($parts['host'] ?? '') . (isset($parts['port']) ? ":$parts[port]" : '');
    }

    /** curl's error numbers that users can do something about. */
    private static function why(int $number): string
    {
        return match ($number) {
            CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL => 'url',
            CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY => 'name',
            CURLE_COULDNT_CONNECT => 'refused',
            CURLE_OPERATION_TIMEDOUT => 'slow',
            CURLE_SSL_CONNECT_ERROR, CURLE_SSL_PEER_CERTIFICATE, CURLE_SSL_CACERT, CURLE_SSL_CACERT_BADFILE => 'tls',
            default => 'network',
        };
    }
}
