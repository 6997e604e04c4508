<?php
namespace FacturaScripts\Plugins\Gancho\Capture;

use Closure;

/**
 * Pipes of every captured model where the database's account may make no triggers. None of them ever refuses
 * or breaks a save.
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
