<?php
namespace FacturaScripts\Plugins\Gancho\Capture;

use Closure;
use FacturaScripts\Core\Base\DataBase;
use FacturaScripts\Plugins\Gancho\Outbox\Write;

/**
 * Pipes of the model User. The database can't distinguish a login from a logout: both replace the session key.
 */
final class SessionPipes
{
    public function saveUpdate(): Closure
    {
        return function () {
            try {
                $session = Login::of($this);
                if ($session !== null) {
                    Write::row(new DataBase(), 'users', 'N', null, ['nick' => $this->nick, 'session' => $session]);
                }
            } catch (\Throwable $error) {
                // The login has priority.
            }
            return null;
        };
    }
}
