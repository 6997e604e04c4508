//! Form fields of a user: name, role, mail, password.

use gancho_model::{Message, Role};
use gancho_service::{
    account::{NewPassword, NewPerson},
    input::{Email, FieldError, PersonName, Reading, Rules},
};

use super::form::Form;

/// A new user from the form.
pub(crate) fn new_person(form: &Form, role: Result<Role, Message>) -> Result<NewPerson, Vec<FieldError>> {
    let mut reading = Reading::new(Rules::default());
    let name = reading.field("name", PersonName::new(form.value("name")));
    let role = reading.field("role", role);
    let password = password(form, &mut reading);
    let email = reading.field("email", Email::filled(form.value("email")));
    let person = || Some(NewPerson { name: name?, role: role?, password: password?, email: email?, language: None });
    reading.finish(person())
}

/// The selected role.
pub(crate) fn role(form: &Form) -> Result<Role, Message> {
    Role::parse(form.value("role")).ok_or_else(|| Message::new("error-role"))
}

/// A new password, entered twice.
pub(crate) fn password(form: &Form, reading: &mut Reading<'_>) -> Option<NewPassword> {
    let password = reading.field("password", NewPassword::new(form.value("password")))?;
    if form.value("again") != form.value("password") {
        reading.wrong("again", Message::new("error-password-twice"));
        return None;
    }
    Some(password)
}
