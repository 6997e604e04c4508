<?php
/** Small stand-ins for the ERP's classes that the plugin uses. */

namespace FacturaScripts\Core {
    class Kernel
    {
        public static array $routes = [];

        public static function version(): float
        {
            return 2026.65;
        }

        public static function addRoute(string $route, string $controller, int $position = 0): void
        {
            self::$routes[$route] = $controller;
        }
    }

    class Tools
    {
        public const DATETIME_STYLE = 'd-m-Y H:i:s';
        public static array $logged = [];

        /** The plugin's Spanish texts, which must be complete. */
        public static function lang(): object
        {
            return new class {
                public function trans(string $name, array $facts = []): string
                {
                    $words = json_decode(file_get_contents(__DIR__ . '/../../Gancho/Translation/es_ES.json'), true);
                    return strtr($words[$name], $facts);
                }
            };
        }

        /** A value of config.php: here, the API key that has no row. */
        public static function config(string $name): ?string
        {
            return $name === 'api_key' ? 'CONFIGKEY' : null;
        }

        public static function log(string $channel = ''): object
        {
            return new class {
                public function __call(string $level, array $said): void
                {
                    Tools::$logged[] = "$level: $said[0]";
                }
            };
        }
    }

    class Session
    {
        public static ?object $user = null;

        public static function get(string $name): ?object
        {
            return self::$user;
        }
    }
}

namespace FacturaScripts\Core\Controller {
    class ApiRoot
    {
        public static function addCustomResource(string $name): void
        {
        }
    }
}

namespace FacturaScripts\Core\Template {
    abstract class InitClass
    {
        abstract public function init(): void;

        abstract public function update(): void;

        abstract public function uninstall(): void;
    }

    abstract class CronClass
    {
        protected function job(string $name): object
        {
            return new class {
                public function every(string $period): self
                {
                    return $this;
                }

                public function run(callable $work): void
                {
                    $work();
                }
            };
        }

        abstract public function run(): void;
    }

    abstract class ApiController
    {
        public object $request;
        public object $response;

        protected function db(): \FacturaScripts\Core\Base\DataBase
        {
            return new \FacturaScripts\Core\Base\DataBase();
        }

        abstract protected function runResource(): void;
    }
}

namespace FacturaScripts\Core\Contract {
    interface ControllerInterface
    {
        public function __construct(string $className, string $url = '');

        public function getPageData(): array;

        public function run(): void;
    }
}

namespace FacturaScripts\Dinamic\Lib\Email {
    /** Records mail that would be sent. */
    class NewMail
    {
        private array $parts = [];

        public static function create(): self
        {
            return new self();
        }

        public function canSendMail(): bool
        {
            return true;
        }

        public function __call(string $name, array $of): self
        {
            $this->parts[$name][] = $of[0] ?? null;
            return $this;
        }

        public function send(): bool
        {
            \FacturaScripts\Core\Tools::$logged[] = 'mail: ' . implode(', ', $this->parts['to']) . ': ' . $this->parts['subject'][0];
            return true;
        }
    }
}
