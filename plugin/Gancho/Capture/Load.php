<?php
namespace FacturaScripts\Plugins\Gancho\Capture;

use FacturaScripts\Plugins\Gancho\Outbox\ErpSchema;
use FacturaScripts\Plugins\Gancho\Server\Settings;

/** Puts our pipes into the ERP, in every request: no query, no network. */
final class Load
{
    /** Ours see a save whatever other plugins say of it. */
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

    /** Puts pipes into a class of the ERP, where it is there. */
    public static function into(string $name, object $pipes): void
    {
        $class = '\\FacturaScripts\\Dinamic\\' . $name;
        if (class_exists($class) && method_exists($class, 'addExtension')) {
            $class::addExtension($pipes, self::FIRST);
        }
    }
}
