<?php
namespace FacturaScripts\Plugins\Gancho\Capture;

use Closure;

/**
 * Pipes of every captured model if the database account may not create triggers. They never refuse or break a save.
 */
final class ModelPipes
{
    public function saveUpdateBefore(): Closure
    {
        return function () {
            Models::quietly(fn() => Models::before($this));
            return null;
        };
    }

    public function saveInsert(): Closure
    {
        return function () {
            Models::quietly(fn() => Models::inserted($this));
            return null;
        };
    }

    public function saveUpdate(): Closure
    {
        return function () {
            Models::quietly(fn() => Models::updated($this));
            return null;
        };
    }

    public function deleteBefore(): Closure
    {
        return function () {
            Models::quietly(fn() => Models::beforeDelete($this));
            return null;
        };
    }

    public function delete(): Closure
    {
        return function () {
            Models::quietly(fn() => Models::deleted($this));
            return null;
        };
    }
}
