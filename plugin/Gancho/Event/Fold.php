<?php
namespace FacturaScripts\Plugins\Gancho\Event;

/** One act, one event: changes of one row within an act become one (EVENTS rule 1). */
final class Fold
{
    /**
     * Folds changes of the same act and row, in the order given. A row that came and went leaves nothing.
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
                // What was no news does not say when the act on this row began; nor does what came and went.
                if ($place !== null) {
                    $out[$place] = null;
                }
                $place = $open[$name] = count($out);
            }
            $out[$place] = $earlier === null ? $next : self::merge($earlier, $next);
        }
        return array_values(array_filter($out));
    }

    /** An update of derived columns only. PostgreSQL shows some where a foreign key unlinks, MariaDB doesn't. */
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
        // The first value seen of each column.
        $merged->oldest = $old->oldest === null || $new->before === null ? $old->oldest : $old->oldest + $new->before;
        $merged->before = match ($merged->op) {
            'I' => null,
            'U' => $merged->oldest,
            // What a deletion shows is the row as it was at last.
            'D' => $new->before ?? $old->after ?? $old->before,
        };
        $merged->after = $merged->op === 'D' ? null : self::keepLines($old->after, $new->after);
        $merged->atMs = $new->atMs;
        $merged->session = $new->session ?? $old->session;
        return $merged;
    }

    /** The last record; the lines of an earlier one if it carries none. */
    private static function keepLines(?array $earlier, ?array $later): ?array
    {
        return $later === null ? null : $later + array_intersect_key($earlier ?? [], ['lines' => true]);
    }
}
