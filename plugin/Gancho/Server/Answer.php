<?php
namespace FacturaScripts\Plugins\Gancho\Server;

use FacturaScripts\Core\Tools;

/** What Gancho answered, or why it did not. */
final class Answer
{
    /** What a status means for who set Gancho up; others say it themselves. */
    private const STATUSES = [401 => 'key', 403 => 'right', 404 => 'other', 405 => 'other', 429 => 'busy'];

    /** @param array<string, string> $facts what the sentence about `$why` names: `%url%`, `%detail%` */
    public function __construct(public int $status, public array $body, private string $why = '', private array $facts = [])
    {
    }

    public function ok(): bool
    {
        return $this->status >= 200 && $this->status < 300;
    }

    /** What went wrong, in one sentence without secrets, in the language of whoever reads it. */
    public function sentence(): string
    {
        $facts = ['%status%' => (string)$this->status] + $this->facts;
        $why = self::STATUSES[$this->status] ?? ($this->status >= 500 ? 'broken' : ($this->ok() || !isset($this->body['status']) ? 'other' : ''));
        if ($this->status === 0) {
            return Tools::lang()->trans("gancho-why-$this->why", $facts);
        }
        return $why !== '' ? Tools::lang()->trans("gancho-why-$why", $facts) : $this->detail();
    }

    /** What Gancho says is wrong with what it was sent. */
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
