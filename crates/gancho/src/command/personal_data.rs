use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    api_client::ApiClient,
    cli_error::{CliError, CliResult},
    runtime::block_on,
};

/// What to do with what is kept about one customer.
#[derive(Subcommand)]
pub enum PersonalDataCommand {
    /// Print it: a line of JSON for each event, with what was sent of it, to whom, and what they answered.
    Export(Subject),
    /// Erase it. That there were events, and to whom they went, remains. It can't be undone.
    Erase {
        #[command(flatten)]
        subject: Subject,
        /// Really erase; else it is only counted.
        #[arg(long)]
        yes: bool,
    },
}

/// Whose.
#[derive(Args)]
pub struct Subject {
    /// The customer's code in the ERP (codcliente).
    customer: String,
    /// Only of this source.
    #[arg(long, value_name = "SRC")]
    source: Option<String>,
    /// What else stands for the customer, such as a tax number or an e-mail address: values that are exactly this.
    #[arg(long = "also", value_name = "VALUE")]
    values: Vec<String>,
}

impl Subject {
    fn to_json(&self) -> Value {
        json!({"customer": self.customer, "source": self.source, "values": self.values})
    }
}

pub fn run(command: PersonalDataCommand, api: &ApiClient) -> CliResult {
    block_on(act(command, api))?
}

async fn act(command: PersonalDataCommand, api: &ApiClient) -> CliResult {
    match command {
        PersonalDataCommand::Export(subject) => export(api, &subject, |copy| say!("{copy}")).await.map(drop),
        PersonalDataCommand::Erase { subject, yes: true } => {
            let done = api.call(Method::POST, "personal-data/erase", Some(subject.to_json())).await?;
            if api.json {
                say!("{done}");
            } else {
                let (events, deliveries, cancelled) = (&done["events"], &done["deliveries"], &done["cancelled"]);
                say!("erased {events} events with {deliveries} deliveries, of which {cancelled} were waiting");
                say!("receivers keep what they got, and backups what they hold: see to those, too");
            }
            Ok(())
        }
        PersonalDataCommand::Erase { subject, yes: false } => {
            let count = export(api, &subject, |_| ()).await?;
            Err(CliError::usage(format!("{count} events would be erased, which can't be undone: add --yes to do it")))
        }
    }
}

/// Reads page by page; returns the number of events.
async fn export(api: &ApiClient, subject: &Subject, mut each: impl FnMut(&Value)) -> Result<u64, CliError> {
    let (mut count, mut after) = (0, String::new());
    loop {
        let path = format!("personal-data/export{after}");
        let page = api.call(Method::POST, &path, Some(subject.to_json())).await?;
        for copy in page["data"].as_array().into_iter().flatten() {
            each(copy);
            count += 1;
        }
        match page["next"].as_str() {
            Some(next) => after = format!("?after={next}"),
            None => return Ok(count),
        }
    }
}
