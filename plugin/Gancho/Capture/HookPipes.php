<?php
namespace FacturaScripts\Plugins\Gancho\Capture;

use Closure;

/** Pipes of a model with hooks registered by other plugins. */
final class HookPipes
{
    public function saveBefore(): Closure
    {
        return fn() => Hooks::run($this, 'saveBefore');
    }

    public function saveInsertBefore(): Closure
    {
        return fn() => Hooks::run($this, 'saveInsertBefore');
    }

    public function saveInsert(): Closure
    {
        return fn() => Hooks::run($this, 'saveInsert');
    }

    public function saveUpdateBefore(): Closure
    {
        return fn() => Hooks::run($this, 'saveUpdateBefore');
    }

    public function saveUpdate(): Closure
    {
        return fn() => Hooks::run($this, 'saveUpdate');
    }

    public function save(): Closure
    {
        return fn() => Hooks::run($this, 'save');
    }

    public function deleteBefore(): Closure
    {
        return fn() => Hooks::run($this, 'deleteBefore');
    }

    public function delete(): Closure
    {
        return fn() => Hooks::run($this, 'delete');
    }
}
