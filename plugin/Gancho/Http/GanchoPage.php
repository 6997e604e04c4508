<?php
namespace FacturaScripts\Plugins\Gancho\Http;

use FacturaScripts\Core\Lib\MultiRequestProtection;
use FacturaScripts\Core\Template\Controller;
use FacturaScripts\Core\Tools;
use FacturaScripts\Plugins\Gancho\Outbox\ErrorSilencer;
use FacturaScripts\Plugins\Gancho\Server\Settings;

/** Shared by our pages: permissions, CSRF protection, and errors that never reach the ERP. */
abstract class GanchoPage extends Controller
{
    public Settings $settings;

    /** Runs a form's action. */
    abstract protected function act(string $action): void;

    /** Loads the page's data. */
    abstract protected function read(): void;

    public function run(): void
    {
        parent::run();
        // Otherwise the logout link of this page is refused.
        (new MultiRequestProtection())->addSeed($this->user->nick);
        $this->settings = (new Settings())->read($this->db());
        $this->carefully(function () {
            if ($this->request()->method() !== 'POST' || !$this->validateFormToken()) {
                return;
            }
            $action = (string)$this->request()->input('action');
            if ($this->may($action)) {
                $this->act($action);
            } else {
                Tools::log()->warning('not-allowed-modify');
            }
        });
        $this->carefully(fn() => ErrorSilencer::run(fn() => $this->read()));
        $this->view($this->template() . '.html.twig');
    }

    /** The page's template. */
    protected function template(): string
    {
        return $this->getClassName();
    }

    /** By the ERP's rights: deleting, showing secrets, everything else. */
    private function may(string $action): bool
    {
        return match ($action) {
            'remove', 'delete-all' => $this->permissions->allowDelete,
            'export' => $this->permissions->allowExport && $this->permissions->allowUpdate,
            default => $this->permissions->allowUpdate,
        };
    }

    private function carefully(callable $work): void
    {
        try {
            $work();
        } catch (\Throwable $error) {
            Tools::log()->error($error->getMessage());
        }
    }

    protected function page(string $title, string $icon): array
    {
        return ['menu' => 'admin', 'title' => $title, 'icon' => $icon, 'showonmenu' => true] + parent::getPageData();
    }

    protected function text(string $field): string
    {
        return trim(html_entity_decode((string)$this->request()->input($field), ENT_QUOTES));
    }
}
