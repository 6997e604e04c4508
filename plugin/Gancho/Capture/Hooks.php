<?php
namespace FacturaScripts\Plugins\Gancho\Capture;

use FacturaScripts\Core\Tools;

/** Functions of other plugins that run when a model is saved or deleted. */
final class Hooks
{
    public const POINTS = ['saveBefore', 'saveInsertBefore', 'saveInsert', 'saveUpdateBefore', 'saveUpdate', 'save', 'deleteBefore', 'delete'];

    /** @var array<string, array<string, callable[]>> by model and point */
    private static array $hooks = [];

    public static function add(string $name, callable $function): bool
    {
        [$model, $point] = explode('::', $name, 2) + [1 => ''];
        $class = '\\FacturaScripts\\Dinamic\\Model\\' . $model;
        if (!in_array($point, self::POINTS, true) || !preg_match('/^\w+$/', $model) || !class_exists($class)) {
            Tools::log('gancho')->error("Gancho::addHook: $name is no hook. It is Model::point, and the points are " . implode(', ', self::POINTS));
            return false;
        }
        if (!isset(self::$hooks[$model])) {
            $class::addExtension(new HookPipes());
        }
        self::$hooks[$model][$point][] = $function;
        return true;
    }

    /** A "before" hook may refuse by returning false; errors in hooks don't stop the save. */
    public static function run(object $model, string $point): ?bool
    {
        foreach (self::$hooks[$model->modelClassName()][$point] ?? [] as $function) {
            try {
                $said = $function($model);
            } catch (\Throwable $error) {
                Tools::log('gancho')->error("a hook of {$model->modelClassName()}::$point failed: " . $error->getMessage());
                continue;
            }
            if ($said === false && str_ends_with($point, 'Before')) {
                return false;
            }
        }
        return null;
    }
}
