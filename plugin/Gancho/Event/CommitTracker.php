<?php
namespace FacturaScripts\Plugins\Gancho\Event;

/**
 * When a row can have been committed at the earliest: after the look at which it could not be seen yet. It is kept
 * from look to look.
 */
final class CommitTracker
{
    /** @var array<int, int> by row */
    private array $committedAfter = [];

    /** @var array<int, int> which look showed a row first */
    private array $seenIn = [];

    private int $looks = 0;

    /** The last look that saw all there was. */
    private ?int $lastLook = null;

    public static function read(array $kept): self
    {
        $tracker = new self();
        $tracker->committedAfter = array_map('intval', (array)($kept['committed_after'] ?? []));
        $tracker->seenIn = array_map('intval', (array)($kept['seen_in'] ?? []));
        $tracker->looks = (int)($kept['looks'] ?? 0);
        $tracker->lastLook = isset($kept['last_look']) ? (int)$kept['last_look'] : null;
        return $tracker;
    }

    public function toArray(): array
    {
        return ['committed_after' => $this->committedAfter, 'seen_in' => $this->seenIn, 'looks' => $this->looks, 'last_look' => $this->lastLook];
    }

    /**
     * Records what a look showed. One that was cut short says nothing of rows that it left out.
     *
     * @param Row[] $rows
     */
    public function note(array $rows, int $now, bool $whole): void
    {
        [$after, $seen] = [[], []];
        foreach ($rows as $row) {
            $settled = $this->lastLook !== null && $row->atMs <= $this->lastLook ? $this->lastLook : $row->atMs;
            $after[$row->id] = $this->committedAfter[$row->id] ?? $settled;
            $seen[$row->id] = $this->seenIn[$row->id] ?? $this->looks;
        }
        [$this->committedAfter, $this->seenIn] = [$after, $seen];
        $this->lastLook = $whole ? $now : null;
        // What a look that was cut short left out may have been committed with what it showed.
        $this->looks += $whole ? 1 : 0;
    }

    /** What was taken does not come again. @param int[] $ids */
    public function forget(array $ids): void
    {
        $this->committedAfter = array_diff_key($this->committedAfter, array_flip($ids));
        $this->seenIn = array_diff_key($this->seenIn, array_flip($ids));
    }

    /** Whether two rows came to be seen at different looks. */
    public function areApart(Row $one, Row $other): bool
    {
        return ($this->seenIn[$one->id] ?? null) !== ($this->seenIn[$other->id] ?? null);
    }

    /** When a row can have been committed at the earliest, by the database's clock. */
    public function settled(Row $row): int
    {
        return $this->committedAfter[$row->id] ?? $row->atMs;
    }
}
