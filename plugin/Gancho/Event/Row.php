<?php
namespace FacturaScripts\Plugins\Gancho\Event;

/** A row of the outbox: one change of one row of the ERP. */
final class Row
{
    private function __construct(
        public int $id,
        public string $mark,
        public ?string $tx,
        public int $atMs,
        public string $table,
        public string $op,
        public ?array $before,
        public ?array $after,
        public array $secrets,
        public ?array $origin,
        public bool $busy,
        public bool $gone,
    ) {
    }

    /** From a look at the outbox. Triggers write of an update's old row only what may be news: the rest is as the new one. */
    public static function of(array $row): self
    {
        $before = $row['old'] !== null && $row['new'] !== null ? $row['old'] + $row['new'] : $row['old'];
        return new self($row['id'], $row['mark'], $row['tx'], $row['at_ms'], $row['table'], $row['op'], $before, $row['new'],
            $row['secrets'], Origin::read($row['origin'] ?? null), $row['busy'], $row['gone']);
    }

    /** Its name among all rows of all times. */
    public function name(): string
    {
        return "$this->mark-$this->id";
    }

    /** The row's record as it is, or as it was at last. */
    public function record(): array
    {
        return $this->after ?? $this->before ?? [];
    }

    /**
     * Whether this row and the next one of its connection are of one transaction; nothing where nobody can say more
     * than the clock. Triggers write `0` for a statement alone, `-1` where they did not look, else a name.
     */
    public function sharesTransaction(self $next): ?bool
    {
        return match (true) {
            (string)$this->tx === '' || (string)$next->tx === '' => null,
            $this->tx === '0' || $next->tx === '0' => false,
            $this->tx === '-1' || $next->tx === '-1' => true,
            default => $this->tx === $next->tx,
        };
    }
}
