use std::collections::{BTreeSet, HashSet};

use gancho_model::{Change, ObjectKey, Operation, Payload};

use crate::{
    ReferenceData, ReferenceRow, catalogue, columns,
    fold::{Folded, fold},
    rules, secrets,
    shape::Shape,
};

/// The models of a source that make events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watched(Option<HashSet<String>>);

impl Watched {
    /// These models, by class or table; by default those of the catalogue.
    pub fn new(models: Option<&[String]>) -> Self {
        Self(models.map(|models| models.iter().map(|name| class_of(name)).collect()))
    }

    fn contains(&self, model: &str) -> bool {
        match &self.0 {
            Some(models) => models.contains(model),
            None => catalogue::find(model).is_some(),
        }
    }
}

/// The interpretation of changes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Understood {
    /// The events, each with the indices of its changes.
    pub events: Vec<(Vec<usize>, Payload)>,
    /// Changes of reference data, to be stored with the events.
    pub learned: Vec<ReferenceRow>,
}

/// Interprets the changes of one request as events. `knowledge` is the reference data before it, which is updated.
pub fn understand(changes: Vec<Change>, shape: &Shape, watched: &Watched, knowledge: &mut ReferenceData) -> Understood {
    let shaped = changes.into_iter().enumerate().map(|(place, change)| shaped(shape, place, change)).collect();
    let mut understood = Understood::default();
    let mut reported = rules::ReportedUsers::default();
    let mut gone = vec![];
    for folded in fold(shaped) {
        let lesson = ReferenceData::lesson(&folded.change);
        if watched.contains(&folded.change.row.model) && !secrets::is_secret_model(&folded.change.row.model) {
            for payload in rules::events(&folded, knowledge, &mut reported) {
                understood.events.push((folded.made_of.clone(), payload));
            }
        }
        if let Some(learned) = lesson {
            understood.learned.push(learned.clone());
            gone.retain(|earlier: &ReferenceRow| earlier.row != learned.row);
            // Deleting a user deletes their roles' rows: the membership must still be known then.
            match learned.record {
                None if learned.row.model == "User" => gone.push(learned),
                _ => knowledge.learn(learned),
            }
        }
    }
    gone.into_iter().for_each(|learned| knowledge.learn(learned));
    understood
}

fn shaped(shape: &Shape, place: usize, mut change: Change) -> Folded {
    change.row = ObjectKey { model: class_of(&change.row.model), key: change.row.key };
    let changed_secrets = changed_secrets(&change);
    let model = change.row.model.clone();
    let one = |record: Option<_>| record.map(|record| shape.record(&model, record, |_| None));
    change.before = one(change.before);
    change.after = one(change.after);
    Folded { oldest: change.before.clone(), change, changed_secrets, made_of: vec![place] }
}

/// The change of a secret is reported; its value never is.
fn changed_secrets(change: &Change) -> BTreeSet<String> {
    let (Operation::Update, Some(before), Some(after)) = (change.operation, &change.before, &change.after) else {
        return BTreeSet::new();
    };
    after
        .iter()
        .filter(|(column, _)| secrets::is_secret(&change.row.model, column))
        .filter(|(column, value)| before.get(*column).is_some_and(|old| old != *value))
        .map(|(column, _)| column.clone())
        .collect()
}

/// A table's name is mapped to its model.
fn class_of(name: &str) -> String {
    columns::find(name).map_or(name, |table| table.model).to_owned()
}
