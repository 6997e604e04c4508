<?php
namespace FacturaScripts\Plugins\Gancho\Server;

use FacturaScripts\Core\Tools;

/** Gancho's response, or why there is none. */
final class Answer
{
    /** The meaning of a status for administrators; other responses have their own message. */
    private const STATUSES = [401 => 'key', 403 => 'right', 404 => 'other', 405 => 'other', 429 => 'busy'];

    /** @param array<string, string> $facts placeholders of the sentence for `$why`: `%url%`, `%detail%` */
    public function __construct(public int $status, public array $body, private string $why = '', private array $facts = [])
    {
    }

    public function ok(): bool
    {
        return $this->status >= 200 && $this->status < 300;
    }

    /** The error in one localized sentence without secrets. */
    public function sentence(): string
    {
        $facts = ['%status%' => (string)$this->status] + $this->facts;
        $why = self::STATUSES[$this->status] ?? ($this->status >= 500 ? 'broken' : ($this->ok() || !isset($this->body['status']) ? 'other' : ''));
        if ($this->status === 0) {
            return Tools::lang()->trans("gancho-why-$this->why", $facts);
        }
        return $why !== '' ? Tools::lang()->trans("gancho-why-$why", $facts) : $this->detail();
    }

    /** Gancho's own error message. */
    private function detail(): string
    {
        $text = fn($of, string $name) => is_array($of) && is_string($of[$name] ?? null) ? $of[$name] : '';
        $detail = $text($this->body, 'detail');
        foreach ((array)($this->body['errors'] ?? []) as $error) {
            $detail .= ' ' . trim($text($error, 'field') . ': ' . $text($error, 'message'), ': ');
        }
        $detail = substr($detail, 0, 500);
        return $detail === '' ? "HTTP $this->status" : "$detail (HTTP $this->status)";
    }
}
