<?php
namespace FacturaScripts\Plugins\Gancho\Event;

/** A change of one record, in its one shape. */
final class Change
{
    /** The record before the act, with the columns that its changes contain. */
    public ?array $oldest;

    /**
     * @param string $act which act it belongs to: the name of its first row
     * @param string $op `I`, `U` or `D`
     * @param int $atMs when, milliseconds since 1970
     * @param array<string, true> $secrets secret columns that changed
     * @param array<int, array|null> $origins who wrote each of the changes that it is made of
     * @param string|null $session of a user: `login` or `logout`
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

    /** An update of which both sides are known. */
    public function isUpdate(): bool
    {
        return $this->op === 'U' && $this->before !== null && $this->after !== null;
    }
}
