<?php
namespace FacturaScripts\Plugins\Gancho\Server;

/** What Gancho answered, or why it did not. */
final class Answer
{
    public function __construct(public int $status, public array $body, private string $why = '')
    {
    }

    public function ok(): bool
    {
        return $this->status >= 200 && $this->status < 300;
    }

    /** What went wrong, in one sentence without secrets. */
    public function sentence(): string
    {
        if ($this->status === 0) {
            return $this->why;
        }
        $text = fn($of, string $name) => is_array($of) && is_string($of[$name] ?? null) ? $of[$name] : '';
        $detail = $text($this->body, 'detail');
        foreach ((array)($this->body['errors'] ?? []) as $error) {
            $detail .= ' ' . trim($text($error, 'field') . ': ' . $text($error, 'message'), ': ');
        }
        $detail = substr($detail, 0, 500);
        return $detail === '' ? "HTTP $this->status" : "$detail (HTTP $this->status)";
    }
}
