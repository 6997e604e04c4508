<?php
namespace FacturaScripts\Plugins\Gancho\Event;

/** A normalized change of one record. */
final class Change
{
    /** The record before the change group, with the columns that its changes contain. */
    public ?array $oldest;

    /**
     * @param string $act its change group: the name of the first row
     * @param string $op `I`, `U` or `D`
     * @param int $atMs time, milliseconds since 1970
     * @param array<string, true> $secrets secret columns that changed
     * @param array<int, array|null> $origins the origin of each change that it consists of
     * @param string|null $session for a user: `login` or `logout`
     */
    public function __construct(
        public string $act,
        public string $table,
        public string $key,
        public string $op,
        public ?array $before,
        public ?array $after,
        public int $atMs,
        public array $secrets = [],
        public array $origins = [],
        public ?string $session = null,
    ) {
        $this->oldest = $before;
    }

    /** An update with both sides. */
    public function isUpdate(): bool
    {
        return $this->op === 'U' && $this->before !== null && $this->after !== null;
    }
}
