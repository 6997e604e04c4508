<?php
namespace FacturaScripts\Plugins\Gancho\Event;

/** Which rows of the outbox are one act of one connection, and which acts have ended (EVENTS rule 1). */
final class ChangeGroups
{
    /** No act takes longer, unless it is one transaction. */
    private const LONGEST_MS = 5000;

    /** Rows of acts that have ended and were not among the last answer. */
    public int $left = 0;

    /**
     * @param callable $isHalfMade whether rows leave a document half made, such as one without lines, which may take its time
     * @param callable $subjects what rows are about, as names
     * @param int $most rows of an act that may be submitted now; a larger one is left, with what comes after it
     */
    public function __construct(
        private CommitTracker $tracker,
        private int $quietMs,
        private mixed $isHalfMade,
        private mixed $subjects,
        private int $most = PHP_INT_MAX,
    ) {
    }

    /**
     * The acts that may be submitted now, in the order in which they began.
     *
     * @param Row[] $rows in the order of their ids
     * @param bool $more the look was cut short, more rows wait
     * @return array<int, array{rows: Row[], ended: bool}>
     */
    public function ended(array $rows, int $now, bool $more): array
    {
        if (!$more) {
            return $this->tellable($this->groups($rows, $now));
        }
        // A look that was cut short knows nothing beyond its last row: whoever is gone may have left more.
        $horizon = $rows ? min(end($rows)->atMs, $now) : $now;
        $seen = array_map(function (Row $row) {
            $seen = clone $row;
            $seen->gone = false;
            return $seen;
        }, $rows);
        $all = $this->groups($seen, $horizon);
        // An act larger than a look is submitted in parts.
        return $this->tellable($all) ?: ($this->most === PHP_INT_MAX ? $all : []);
    }

    private function groups(array $rows, int $now): array
    {
        $byMark = [];
        foreach ($rows as $place => $row) {
            $byMark[$row->mark][$place] = $row;
        }
        $done = [];
        foreach ($byMark as $own) {
            $open = [];
            foreach ($own as $place => $row) {
                if ($open && !$this->goesOn($open, $row)) {
                    $done[array_key_first($open)] = ['rows' => array_values($open), 'ended' => true];
                    $open = [];
                }
                $open[$place] = $row;
            }
            $done[array_key_first($open)] = ['rows' => array_values($open), 'ended' => $this->hasEnded(array_values($open), $now)];
        }
        ksort($done);
        return array_values($done);
    }

    /** @param Row[] $open */
    private function hasEnded(array $open, int $now): bool
    {
        [$first, $last] = [$open[0], end($open)];
        $isQuiet = $now - $this->tracker->settled($last) > $this->quietMs;
        $isLong = $now - $first->atMs > self::LONGEST_MS;
        return $last->gone || (!$last->busy && ($isLong || ($isQuiet && !($this->isHalfMade)($open))));
    }

    /** Whether a row belongs to the act that its connection has begun: always within one transaction, else until a pause. */
    private function goesOn(array $open, Row $row): bool
    {
        [$first, $last] = [reset($open), end($open)];
        if ($last->sharesTransaction($row) === true && !$this->tracker->areApart($last, $row)) {
            return true;
        }
        $isQuiet = $row->atMs - $this->tracker->settled($last) > $this->quietMs;
        $isLong = $row->atMs - $first->atMs > self::LONGEST_MS;
        return !$isLong && (!$isQuiet || ($this->isHalfMade)(array_values($open)));
    }

    /** Those that ended, unless one that began before touches the same rows and goes on, or is left. */
    private function tellable(array $groups): array
    {
        [$held, $free, $this->left] = [[], [], 0];
        foreach ($groups as $group) {
            $touched = ($this->subjects)($group['rows']);
            $isSmall = count($group['rows']) <= $this->most;
            if ($group['ended'] && $isSmall && !array_intersect_key($touched, $held)) {
                $free[] = $group;
            } else {
                $held += $touched;
                $this->left += $group['ended'] ? count($group['rows']) : 0;
            }
        }
        return $free;
    }
}
