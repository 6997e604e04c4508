-- What endpoints may ask to have put beside a customer's code.

CREATE TABLE customers (
    source BLOB NOT NULL,
    code TEXT NOT NULL,
    known TEXT NOT NULL,            -- JSON: name, e-mail, tax number
    PRIMARY KEY (source, code)
) WITHOUT ROWID;
