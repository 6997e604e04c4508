use std::io::Read;

use clap::Args;
use gancho_receiver::{Scheme, Secret, Verifier};

use crate::cli_error::{CliError, CliResult};

/// What was received.
#[derive(Args)]
pub struct VerifyArgs {
    /// The webhook's secret.
    #[arg(long, env = "GANCHO_WEBHOOK_SECRET", hide_env_values = true)]
    secret: String,
    /// The header X-Webhook-Signature, or webhook-signature (v1,…).
    #[arg(long)]
    signature: String,
    /// The header webhook-id; for webhook-signature.
    #[arg(long)]
    id: Option<String>,
    /// The header webhook-timestamp; for webhook-signature. Its age is not judged here.
    #[arg(long)]
    timestamp: Option<i64>,
}

/// Checks a signature over the body on standard input.
pub fn run(args: &VerifyArgs) -> CliResult {
    let mut body = vec![];
    std::io::stdin().read_to_end(&mut body).map_err(CliError::refused)?;
    if body.is_empty() {
        return Err(CliError::because(
            "bad: nothing came on standard input; give the raw body, as in: gancho verify … < body",
        ));
    }
    let signature = args.signature.trim();
    let standard = signature.contains(',');
    if standard && (args.id.is_none() || args.timestamp.is_none()) {
        return Err(CliError::usage("webhook-signature needs --id and --timestamp beside it"));
    }
    if let Some(scheme) = check(args, signature, &body) {
        say!("good: {scheme} over {} bytes", body.len());
        return Ok(());
    }
    let without_end = body.trim_ascii_end();
    if without_end.len() < body.len() && check(args, signature, without_end).is_some() {
        return Err(CliError::because(
            "bad as it is, good without the line end: what was given here has one more than what was sent",
        ));
    }
    let hint = match (standard, signature.trim_start_matches("sha256=").len()) {
        (false, length) if length != 64 => "; X-Webhook-Signature has 64 hexadecimal digits",
        _ if !args.secret.trim().starts_with(Secret::PREFIX) => {
            "; the secret begins with whsec_, unless it is your own"
        }
        _ => "; use the raw body, unchanged",
    };
    Err(CliError::because(format!("bad: not the signature of this secret over these {} bytes{hint}", body.len())))
}

/// The scheme of the signature, if it is valid.
fn check(args: &VerifyArgs, signature: &str, body: &[u8]) -> Option<&'static str> {
    let stamp = args.timestamp.map(|at| at.to_string());
    let hex = signature.trim_start_matches("sha256=").to_ascii_lowercase();
    let standard = signature.contains(',');
    let header = |name: &str| match (name, standard) {
        ("webhook-signature", true) => Some(signature),
        ("x-webhook-signature", false) => Some(hex.as_str()),
        ("webhook-id", true) => args.id.as_deref().map(str::trim),
        ("webhook-timestamp", true) => stamp.as_deref(),
        _ => None,
    };
    // A user who passes that signature wants it to be accepted.
    let verifier = Verifier::new(Secret::new(args.secret.trim())).accept_body_only();
    let verified = verifier.verify(header, body, args.timestamp.unwrap_or(0)).ok()?;
    Some(if verified.scheme == Scheme::Standard { "webhook-signature" } else { "X-Webhook-Signature" })
}
