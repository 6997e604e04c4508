//! The statements with which the administrator of the ERP's database creates an account for Gancho, with only the
//! rights that it needs.

use crate::ui::form::Form;

/// A part of a statement: text, or a name that the page fills in while the user types.
pub(super) struct Piece {
    pub text: String,
    /// The field whose value is inserted here; empty for plain text.
    pub field: &'static str,
}

/// The statements for each engine.
pub(super) struct Grants {
    pub mysql: Vec<Piece>,
    pub postgres: Vec<Piece>,
}

/// With the names of a form, or placeholders.
pub(super) fn of(form: &Form) -> Grants {
    const MYSQL: &str = "CREATE USER '{user}'@'%' IDENTIFIED BY '{password}';\n\
        GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, TRIGGER ON `{database}`.* TO '{user}'@'%';\n\
        GRANT PROCESS ON *.* TO '{user}'@'%';";
    const POSTGRES: &str = "CREATE ROLE \"{user}\" LOGIN PASSWORD '{password}';\n\
        GRANT CONNECT ON DATABASE \"{database}\" TO \"{user}\";\n\
        GRANT USAGE, CREATE ON SCHEMA public TO \"{user}\";\n\
        GRANT SELECT, TRIGGER ON ALL TABLES IN SCHEMA public TO \"{user}\";";
    Grants { mysql: pieces(MYSQL, form), postgres: pieces(POSTGRES, form) }
}

fn pieces(template: &str, form: &Form) -> Vec<Piece> {
    let mut pieces = vec![];
    for part in template.split('{') {
        let Some((name, rest)) = part.split_once('}') else {
            pieces.push(Piece { text: part.to_owned(), field: "" });
            continue;
        };
        let (field, usual) = match name {
            "user" => ("user", "gancho"),
            "database" => ("database", "facturascripts"),
            // Passwords are not repeated on a page.
            _ => ("", "…"),
        };
        let value = if field.is_empty() { "" } else { form.value(field) };
        let plain = value.chars().all(|letter| letter.is_alphanumeric() || "_-$".contains(letter));
        let text = if value.is_empty() || !plain { usual } else { value };
        pieces.push(Piece { text: text.to_owned(), field });
        pieces.push(Piece { text: rest.to_owned(), field: "" });
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(pieces: &[Piece]) -> String {
        pieces.iter().map(|piece| piece.text.as_str()).collect()
    }

    #[test]
    fn her_names_stand_in_the_statements_and_no_password_does() {
        let form = Form::filled(vec![
            ("user", "lector".into()),
            ("database", "fs_2026".into()),
            ("password", "topsecret".into()),
        ]);
        let grants = of(&form);
        let mysql = text(&grants.mysql);
        assert!(mysql.starts_with("CREATE USER 'lector'@'%' IDENTIFIED BY '…';\nGRANT SELECT, "), "{mysql}");
        assert!(mysql.contains("ON `fs_2026`.* TO 'lector'@'%'") && !mysql.contains("topsecret"));
        assert!(text(&grants.postgres).contains("ON DATABASE \"fs_2026\" TO \"lector\""));
        let odd = of(&Form::filled(vec![("user", "x'; DROP".into())]));
        assert!(text(&odd.mysql).contains("'gancho'@'%'"), "nothing breaks out of its quotes");
    }
}
