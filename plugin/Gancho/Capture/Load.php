<?php
namespace FacturaScripts\Plugins\Gancho\Capture;

use FacturaScripts\Plugins\Gancho\Outbox\ErpSchema;
use FacturaScripts\Plugins\Gancho\Server\Settings;

/** Registers our pipes in the ERP in every request, without queries or network access. */
final class Load
{
    /** Ours run even if another plugin's pipes refuse the save. */
    private const FIRST = 1000;

    public static function pipes(Settings $settings): void
    {
        $state = $settings->state();
        self::into('Model\\User', new SessionPipes());
        foreach ($state['loaded'] ?? [] as $model) {
            self::into('Controller\\Edit' . $model, new OpenPipes());
        }
        if (($state['mode'] ?? 'triggers') !== 'models') {
            return;
        }
        $tables = array_flip($state['tables'] ?? []);
        $models = ErpSchema::models() + ErpSchema::always() + array_column(ErpSchema::lines(), 0, 1);
        foreach ($models as $model => $table) {
            if (isset($tables[$table])) {
                self::into("Model\\$model", new ModelPipes());
            }
        }
        foreach ($state['parents'] ?? [] as $model) {
            self::into("Model\\$model", new ParentPipes());
        }
    }

    /** Adds pipes to a class of the ERP, if it exists. */
    public static function into(string $name, object $pipes): void
    {
        $class = '\\FacturaScripts\\Dinamic\\' . $name;
        if (class_exists($class) && method_exists($class, 'addExtension')) {
            $class::addExtension($pipes, self::FIRST);
        }
    }
}
