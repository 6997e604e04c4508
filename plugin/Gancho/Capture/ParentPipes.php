<?php
namespace FacturaScripts\Plugins\Gancho\Capture;

use Closure;

/** Pipes of a model that is not captured itself, see Parents. */
final class ParentPipes
{
    public function deleteBefore(): Closure
    {
        return function () {
            Models::quietly(fn() => Models::beforeParentDelete($this));
            return null;
        };
    }

    public function delete(): Closure
    {
        return function () {
            Models::quietly(fn() => Models::parentDeleted($this));
            return null;
        };
    }
}
