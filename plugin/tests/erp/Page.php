<?php
/** The ERP's parts of pages: user, form, Twig as the ERP configures it. Other texts than the plugin's are the ERP's. */

namespace FacturaScripts\Core\Lib {
    class MultiRequestProtection
    {
        public function addSeed(string $seed): void
        {
        }
    }
}

namespace FacturaScripts\Core\Template {
    use FacturaScripts\Core\Base\DataBase;

    /** Fields of a form. */
    final class Fields
    {
        public function __construct(public array $all)
        {
        }

        public function getArray(string $name): array
        {
            return (array)($this->all[$name] ?? []);
        }
    }

    /** One request: `method`, `query` and `form` as in `Page::ask`. */
    final class Request
    {
        public Fields $request;

        public function __construct(private string $method, private array $query, array $form)
        {
            $this->request = new Fields($form);
        }

        public function method(): string
        {
            return $this->method;
        }

        public function input(string $name): mixed
        {
            return $this->request->all[$name] ?? null;
        }

        public function query(string $name, mixed $else = null): mixed
        {
            return $this->query[$name] ?? $else;
        }
    }

    class Controller
    {
        /** Texts that pages take from the ERP's translations. */
        private const ERP_WORDS = ['all', 'cancel', 'date', 'delete', 'edit', 'name', 'save', 'search', 'status', 'settings', 'yes', 'no', 'close'];

        public object $user;
        public object $permissions;
        public string $html = '';

        /** @param array<string, bool> $rights of the user: `allowUpdate`, `allowDelete`, `allowExport` */
        public function __construct(private Request $asked, array $rights)
        {
            $this->permissions = (object)($rights + ['allowAccess' => true, 'allowUpdate' => true, 'allowDelete' => true, 'allowExport' => true]);
            $this->user = new class {
                public string $nick = 'ana';
                public bool $admin = true;

                public function can(string $page): bool
                {
                    return true;
                }
            };
        }

        public function run(): void
        {
        }

        public function getPageData(): array
        {
            return [];
        }

        public function url(): string
        {
            return $this->getClassName();
        }

        public function getClassName(): string
        {
            return substr(strrchr(static::class, '\\'), 1);
        }

        public function db(): DataBase
        {
            return $GLOBALS['db'];
        }

        public function request(): Request
        {
            return $this->asked;
        }

        protected function validateFormToken(): bool
        {
            return true;
        }

        protected function view(string $template): void
        {
            require_once '/usr/share/php/Twig/autoload.php';
            $views = new \Twig\Loader\FilesystemLoader(__DIR__ . '/../../Gancho/View');
            $menu = new \Twig\Loader\ArrayLoader(['Master/MenuTemplate.html.twig' => '{% block body %}{% endblock %}']);
            $twig = new \Twig\Environment(new \Twig\Loader\ChainLoader([$views, $menu]), ['strict_variables' => false]);
            $twig->addFunction(new \Twig\TwigFunction('formToken', fn() => '<input type="hidden" name="multireqtoken" value="x">', ['is_safe' => ['html']]));
            $twig->addFunction(new \Twig\TwigFunction('trans', function (string $name, array $facts = []) {
                return in_array($name, self::ERP_WORDS, true) ? ucfirst($name) : \FacturaScripts\Core\Tools::lang()->trans($name, $facts);
            }));
            $this->html = $twig->render($template, ['fsc' => $this]);
        }
    }
}

namespace {
    /** Requests a page of the plugin like a browser; returns its HTML. */
    final class Page
    {
        public static function ask(string $name, array $query = [], ?array $form = null, array $rights = []): string
        {
            $class = "FacturaScripts\\Plugins\\Gancho\\Controller\\$name";
            $page = new $class(new FacturaScripts\Core\Template\Request($form === null ? 'GET' : 'POST', $query, $form ?? []), $rights);
            $page->run();
            return $page->html;
        }
    }
}
