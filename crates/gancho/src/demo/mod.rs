//! `gancho serve --demo`: a simulated ERP makes changes at a natural pace, and several webhooks with different problems
//! get its events. All data are in a temporary folder that is removed with the process.

mod erp;

use std::{path::PathBuf, sync::Arc, time::Duration};

use gancho_model::{Caller, Clock as _, Rng as _, Role, Scope, SourceId, TokenId};
use gancho_service::{
    ServiceError, Services,
    account::{NewPassword, NewPerson},
    endpoint::{NewEndpoint, Preset},
    input::{self, PersonName, Rules},
    request_bin::NewBin,
    source::{NewSource, SourceCreated},
};
use gancho_words::{Language, Words};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use self::erp::PretendErp;
use crate::{args::ServeArgs, cli_error::CliError, config::Settings, system::System};

/// The sign-in name.
pub const NAME: &str = "demo";
/// The actor in the audit log.
const WHO: &str = "demo";
/// Initial actions, so that there is something to see.
const FIRST: u32 = 25;
/// Interval between actions, milliseconds.
const PACE_MS: (u64, u64) = (600, 3_000);

/// A demo's folder, removed when dropped.
pub struct DemoFolder(PathBuf);

impl DemoFolder {
    /// Creates a folder that only its owner can read.
    ///
    /// # Errors
    /// If it can't be created.
    pub fn create() -> Result<Self, CliError> {
        use std::os::unix::fs::DirBuilderExt;
        let mut random = [0; 6];
        System.fill(&mut random);
        let name: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let path = std::env::temp_dir().join(format!("gancho-demo-{name}"));
        std::fs::DirBuilder::new().mode(0o700).create(&path).map_err(CliError::start)?;
        Ok(Self(path))
    }

    /// The settings of a demo. Webhooks on this machine are allowed, since the dead one is here.
    ///
    /// # Errors
    /// If one of the others is invalid.
    pub fn settings(&self, args: &ServeArgs) -> Result<Settings, CliError> {
        let mut local = args.local.clone();
        local.data_dir = Some(self.0.join("data").display().to_string());
        let flags = [
            ("listen", args.listen.clone()),
            ("public_url", args.public_url.clone()),
            ("log_format", args.log_format.clone()),
            ("allow_hosts", Some("localhost".to_owned())),
            ("log_level", Some("warn".to_owned())),
        ];
        let mut settings = Settings::load(&local, &flags).map_err(CliError::start)?;
        settings.is_demo = true;
        Ok(settings)
    }
}

impl Drop for DemoFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Creates the demo's contents: a user, an ERP, bins and webhooks. Returns the password and the ERP.
///
/// # Errors
/// The reason of a failure.
pub async fn furnish(services: &Services) -> Result<(String, SourceId), ServiceError> {
    let password = password();
    let field = |name: &'static str| move |message| ServiceError::field(name, message);
    services
        .accounts
        .add_person(
            NewPerson {
                name: PersonName::new(NAME).map_err(field("name"))?,
                role: Role::Admin,
                password: NewPassword::new(password.clone()).map_err(field("password"))?,
                email: None,
                language: None,
            },
            WHO,
        )
        .await?;
    let new: NewSource = typed(json!({"kind": "plugin", "name": "Muebles Ejemplo"}), services.rules())?;
    let source = match services.create_source(new, WHO).await? {
        SourceCreated::New(source, _) | SourceCreated::Known(source) => source.id,
        SourceCreated::Planned(_) => return Err(ServiceError::Missing("source")),
    };
    let (well, flaky, large) =
        (bin(services, json!({})).await?, bin(services, flaky()).await?, bin(services, json!({})).await?);
    let slack = Preset::find("slack").map(|preset| preset.template(&Words::new(Language::Es, gancho_words::ZONE)));
    for webhook in [
        json!({"url": well, "name": "Tienda en línea", "events": ["*"], "ignore_origins": ["api:3"]}),
        json!({"url": flaky, "name": "Contabilidad (falla a veces)", "events": ["invoice.*", "receipt.*"]}),
        json!({"url": large, "name": "Facturas de más de 1.000 €", "events": ["invoice.created"],
            "condition": "data.object.total > 1000", "template": slack}),
        json!({"url": "http://localhost:9/envios", "name": "Envíos (no responde)", "events": ["order.*", "stock.*"]}),
    ] {
        let new: NewEndpoint = typed(webhook, services.rules())?;
        services.create_endpoint(new, WHO).await?;
    }
    Ok((password, source))
}

/// A failure for each third request.
fn flaky() -> Value {
    json!({"respond": {"status": 503, "every": 3, "body": "mantenimiento"}})
}

/// Creates a bin; returns its URL on this server.
async fn bin(services: &Services, new: Value) -> Result<String, ServiceError> {
    let new: NewBin = typed(new, services.rules())?;
    let bin = services.create_bin(new, WHO).await?;
    Ok(format!("{}/bin/{}", services.allowed.own_origin().unwrap_or_default(), bin.id))
}

fn typed<T: input::Input>(value: Value, rules: Rules<'_>) -> Result<T, ServiceError> {
    input::read(value, rules).map_err(ServiceError::Fields)
}

/// Easy to type, and used only for this demo.
fn password() -> String {
    const LETTERS: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";
    let mut random = [0; 12];
    System.fill(&mut random);
    random.iter().map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()])).collect()
}

/// Runs the simulated ERP until the stop.
pub async fn write_on(services: Arc<Services>, source: SourceId, stop: CancellationToken) {
    let caller = Caller { token: TokenId::from_bytes(*source.bytes()), scope: Scope::Source(source) };
    let mut erp = PretendErp::new(System.now());
    let mut acts: u32 = 0;
    loop {
        let act = erp.act(System.now(), &System);
        let submitted = match typed(act, services.rules()) {
            Ok(changes) => services.submit_changes(caller, source, changes, None).await.map(drop),
            Err(error) => Err(error),
        };
        if let Err(error) = submitted {
            tracing::warn!(?error, "changes of the simulated ERP were not accepted");
        }
        acts = acts.saturating_add(1);
        let pause = if acts < FIRST { Duration::from_millis(80) } else { Duration::from_millis(between(PACE_MS)) };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

fn between((least, most): (u64, u64)) -> u64 {
    let mut random = [0; 8];
    System.fill(&mut random);
    least + u64::from_be_bytes(random) % (most - least)
}
