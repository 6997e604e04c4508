<?php
namespace FacturaScripts\Plugins\Gancho\Event;

/** Folds changes: changes of one row within a change group become one (EVENTS rule 1). */
final class Fold
{
    /**
     * Folds changes of the same group and row, in order. A row inserted and deleted within it leaves nothing.
     *
     * @param Change[] $changes
     * @return Change[]
     */
    public static function all(array $changes): array
    {
        [$open, $out] = [[], []];
        foreach ($changes as $next) {
            $name = "$next->act\0$next->table\0$next->key";
            $place = $open[$name] ?? null;
            $earlier = $place === null ? null : $out[$place];
            if ($earlier === null || self::isIgnored($earlier)) {
                // Ignored changes don't mark when the group on this row began; neither do rows inserted and deleted in
                // it.
                if ($place !== null) {
                    $out[$place] = null;
                }
                $place = $open[$name] = count($out);
            }
            $out[$place] = $earlier === null ? $next : self::merge($earlier, $next);
        }
        return array_values(array_filter($out));
    }

    /** An update of derived columns only. PostgreSQL reports some when a foreign key unlinks a row, MariaDB doesn't. */
    private static function isIgnored(Change $change): bool
    {
        return $change->isUpdate() && !$change->secrets && !Diff::of($change->table, $change->before, $change->after)->isNews();
    }

    private static function merge(Change $old, Change $new): ?Change
    {
        if ($old->op === 'I' && $new->op === 'D') {
            return null;
        }
        $merged = clone $old;
        $merged->origins = [...$old->origins, ...$new->origins];
        $merged->secrets += $new->secrets;
        $merged->op = $old->op === 'I' ? 'I' : ($new->op === 'D' ? 'D' : 'U');
        // The first value of each column.
        $merged->oldest = $old->oldest === null || $new->before === null ? $old->oldest : $old->oldest + $new->before;
        $merged->before = match ($merged->op) {
            'I' => null,
            'U' => $merged->oldest,
            // A deletion contains the row's last state.
            'D' => $new->before ?? $old->after ?? $old->before,
        };
        $merged->after = $merged->op === 'D' ? null : self::keepLines($old->after, $new->after);
        $merged->atMs = $new->atMs;
        $merged->session = $new->session ?? $old->session;
        return $merged;
    }

    /** The last record, with the lines of an earlier one if it has none. */
    private static function keepLines(?array $earlier, ?array $later): ?array
    {
        return $later === null ? null : $later + array_intersect_key($earlier ?? [], ['lines' => true]);
    }
}
