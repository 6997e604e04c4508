use sha2::{Digest, Sha256};

/// A column's value in either database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Nothing,
    /// A number or a boolean.
    Number(i64),
    Text(String),
    Bytes(Vec<u8>),
}

impl Value {
    pub fn into_number(self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(number),
            _ => None,
        }
    }

    pub fn into_text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn into_bytes(self) -> Option<Vec<u8>> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }
}

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ColumnKind {
    Number,
    Flag,
    Text,
    Bytes,
}

/// A row, in its table's column order.
pub(crate) type Row = Vec<Value>;

/// A digest of rows in order: tables with the same digest have the same contents.
#[derive(Default)]
pub(crate) struct Fingerprint {
    digest: Sha256,
    pub rows: u64,
}

impl Fingerprint {
    pub fn add(&mut self, row: &Row) {
        self.rows += 1;
        for value in row {
            let number;
            let (kind, bytes): (u8, &[u8]) = match value {
                Value::Nothing => (0, &[]),
                Value::Number(value) => {
                    number = value.to_le_bytes();
                    (1, &number)
                }
                Value::Text(text) => (2, text.as_bytes()),
                Value::Bytes(bytes) => (3, bytes),
            };
            self.digest.update([kind]);
            self.digest.update((bytes.len() as u64).to_le_bytes());
            self.digest.update(bytes);
        }
    }

    pub fn end(self) -> [u8; 32] {
        self.digest.finalize().into()
    }
}
