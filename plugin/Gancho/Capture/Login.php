<?php
namespace FacturaScripts\Plugins\Gancho\Capture;

use FacturaScripts\Core\Session;

/** Determines whether a changed session key means a login or a logout. */
final class Login
{
    /** `login`, `logout`, or null if neither is happening. */
    public static function of(object $user): ?string
    {
        if (!$user->isDirty('logkey')) {
            return null;
        }
        $action = $_POST['action'] ?? $_GET['action'] ?? '';
        $current = Session::get('user');
        return match (true) {
            in_array($action, ['login', 'two-factor-validation'], true) && ($current->nick ?? null) === $user->nick => 'login',
            $action === 'logout' => 'logout',
            default => null,
        };
    }
}
