<?php
namespace FacturaScripts\Plugins\Gancho\Outbox;

/**
 * What to capture of this ERP's database, derived from its schema.
 */
final class CapturePlan
{
    /** Maximum length of a cascade of foreign keys. */
    private const DEPTH_MAX = 5;

    /** @var array<string, array{key: string, columns: array<string, string>, secrets: string[]}> captured tables by name */
    public array $tables = [];

    /** @var string[] all tables of the schema that was read; one that was being altered may be missing */
    public array $known;

    /** @var string[] existing tables that make no events: no single column identifies a row */
    public array $uncaptured = [];

    /** @var array<string, array<int, array<int, array>>> by parent table: chains of foreign keys to captured rows */
    public array $cascades = [];

    /**
     * @param array<string, array{key: string[], columns: array<string, string>}> $schema
     * @param array<int, array{child: string, column: string, parent: string, parent_column: string, deletes: bool}> $links
     * @param string[]|null $models by default those of the catalogue
     */
    public function __construct(array $schema, private array $links, ?array $models)
    {
        $this->known = array_map(strval(...), array_keys($schema));
        foreach ($models ?? array_keys(ErpSchema::models()) as $model) {
            $this->add($schema, ErpSchema::tableOf($model));
        }
        foreach (ErpSchema::always() as $table) {
            $this->add($schema, $table);
        }
        ksort($this->tables, SORT_STRING);
        $parents = array_unique(array_column($links, 'parent'));
        sort($parents, SORT_STRING);
        foreach ($parents as $parent) {
            $ways = $this->ways($parent, []);
            if ($ways) {
                $this->cascades[$parent] = $ways;
            }
        }
    }

    private function add(array $schema, string $table): void
    {
        $keys = $schema[$table]['key'] ?? [];
        $known = ErpSchema::keyOf($table);
        $key = count($keys) === 1 ? $keys[0] : (in_array($known, $keys, true) ? $known : null);
        if (ErpSchema::isSecretTable($table)) {
            return;
        }
        if ($key === null) {
            array_push($this->uncaptured, ...array_diff(isset($schema[$table]) ? [$table] : [], $this->uncaptured));
            return;
        }
        $all = $schema[$table]['columns'];
        $shown = ErpSchema::shown($all);
        $this->tables[$table] = ['key' => $key, 'columns' => $shown, 'secrets' => array_keys(array_diff_key($all, $shown))];
        if (isset(ErpSchema::lines()[$table])) {
            $this->add($schema, ErpSchema::lines()[$table][0]);
        }
    }

    private function ways(string $parent, array $way): array
    {
        if (count($way) === self::DEPTH_MAX) {
            return [];
        }
        $found = [];
        foreach ($this->links as $link) {
            if ($link['parent'] !== $parent || $link['child'] === $parent || in_array($link['child'], array_column($way, 'parent'), true)) {
                continue;
            }
            $next = [...$way, $link];
            if ($link['deletes']) {
                array_push($found, ...$this->ways($link['child'], $next));
            }
            $isNews = $link['deletes'] || !ErpSchema::isIgnored($link['child'], $link['column']);
            if (isset($this->tables[$link['child']]) && $isNews) {
                $found[] = $next;
            }
        }
        return $found;
    }
}
