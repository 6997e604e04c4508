/// A sentence for a person, by its name in the files of words, and the facts in it: said in the
/// reader's language where it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The sentence's name.
    pub id: &'static str,
    /// What is put into it.
    pub facts: Vec<(&'static str, Fact)>,
}

/// Something that stands in a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// A text, as it is.
    Text(String),
    /// A whole number, written as the language writes it.
    Number(i64),
    /// Another sentence.
    Said(Box<Said>),
}

impl Said {
    /// A sentence without facts.
    pub fn plain(id: &'static str) -> Self {
        Self { id, facts: vec![] }
    }

    /// The sentence with one more fact.
    #[must_use]
    pub fn with(mut self, name: &'static str, fact: impl Into<Fact>) -> Self {
        self.facts.push((name, fact.into()));
        self
    }
}

/// For programmers: the name and the facts.
impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.id)?;
        for (name, fact) in &self.facts {
            match fact {
                Fact::Text(text) => write!(f, " {name}={text}")?,
                Fact::Number(number) => write!(f, " {name}={number}")?,
                Fact::Said(said) => write!(f, " {name}=({said})")?,
            }
        }
        Ok(())
    }
}

impl From<String> for Fact {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Fact {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Said> for Fact {
    fn from(said: Said) -> Self {
        Self::Said(Box::new(said))
    }
}

macro_rules! numbers {
    ($($kind:ty),+) => {$(
        impl From<$kind> for Fact {
            fn from(number: $kind) -> Self {
                Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
            }
        }
    )+};
}

numbers!(i64, u64, usize, u32, i32, u16);
