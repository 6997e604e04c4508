use gancho_model::{DataSubject, SourceId};

use crate::input::{List, Text, input};

input! {
    /// Whose data.
    pub struct PersonalDataInput {
        /// The customer's code in the ERP (`codcliente`).
        pub customer: Text<1, 100>,
        /// In which ERP; in all if left out.
        pub source: Option<SourceId>,
        /// What else stands for the customer, wherever a value of an event is exactly this: a tax number, an e-mail address.
        pub values: Option<List<Text<3, 200>, 0, 20>>,
    }
}

impl From<PersonalDataInput> for DataSubject {
    fn from(input: PersonalDataInput) -> Self {
        let values = input.values.map(|List(values)| values).unwrap_or_default();
        Self {
            code: input.customer.0,
            source: input.source,
            values: values.into_iter().map(|Text(value)| value).collect(),
        }
    }
}
