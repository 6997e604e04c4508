<?php
namespace FacturaScripts\Plugins\Gancho\Capture;

use FacturaScripts\Plugins\Gancho\Outbox\CapturePlan;

/** Models that are not captured, but whose deletion cascades to captured rows through a foreign key. */
final class Parents
{
    /** @return string[] looked for once, when the plugin looks at the ERP's tables */
    public static function of(CapturePlan $plan): array
    {
        $tables = array_diff_key($plan->cascades, $plan->tables);
        $files = $tables ? glob(FS_FOLDER . '/Dinamic/Model/*.php') ?: [] : [];
        $isParent = fn($model) => isset($tables[self::tableOf("\\FacturaScripts\\Dinamic\\Model\\$model")]);
        return array_values(array_filter(array_map(fn($file) => basename($file, '.php'), $files), $isParent));
    }

    /** Empty if it is not a model, or can't be loaded. */
    private static function tableOf(string $class): string
    {
        try {
            $isModel = class_exists($class) && method_exists($class, 'addExtension') && method_exists($class, 'tableName');
            return $isModel && (new \ReflectionMethod($class, 'tableName'))->isStatic() ? $class::tableName() : '';
        } catch (\Throwable) {
            return '';
        }
    }
}
