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

    /** From an outbox batch. Triggers omit ignored columns of an update's old row: take them from the new one. */
    public static function of(array $row): self
    {
        $before = $row['old'] !== null && $row['new'] !== null ? $row['old'] + $row['new'] : $row['old'];
        return new self($row['id'], $row['mark'], $row['tx'], $row['at_ms'], $row['table'], $row['op'], $before, $row['new'],
            $row['secrets'], Origin::read($row['origin'] ?? null), $row['busy'], $row['gone']);
    }

    /** Its unique name among all rows ever. */
    public function name(): string
    {
        return "$this->mark-$this->id";
    }

    /** The row's current or last record. */
    public function record(): array
    {
        return $this->after ?? $this->before ?? [];
    }

    /**
     * Whether this row and the next one of its connection are in one transaction; null if only the clock can decide.
     * Triggers write `0` for a single statement, `-1` if they did not check, else a name.
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
