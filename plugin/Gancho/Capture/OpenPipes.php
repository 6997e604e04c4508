<?php
namespace FacturaScripts\Plugins\Gancho\Capture;

use Closure;
use FacturaScripts\Core\Base\DataBase;
use FacturaScripts\Plugins\Gancho\Outbox\ErpSchema;
use FacturaScripts\Plugins\Gancho\Outbox\Write;

/**
 * Pipes of the pages that open a record: `model.loaded`, for the selected models.
 */
final class OpenPipes
{
    public function loadData(): Closure
    {
        return function ($viewName, $view) {
            try {
                if ($viewName === $this->getMainViewName() && $view->model->exists()) {
                    $data = ['model' => $view->model->modelClassName(), 'object' => ErpSchema::shown($view->model->toArray())];
                    Write::row(new DataBase(), 'model.loaded', 'E', null, $data);
                }
            } catch (\Throwable $error) {
                // The page has priority.
            }
            return null;
        };
    }
}
