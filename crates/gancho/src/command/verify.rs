use std::io::Read;

use clap::Args;
use gancho_receiver::{Scheme, Secret, Verifier, VerifyError};

use super::{Done, Failed};

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
pub fn run(args: &VerifyArgs) -> Done {
    let mut body = vec![];
    std::io::stdin().read_to_end(&mut body).map_err(Failed::refused)?;
    let standard = args.signature.contains(',');
    if standard && (args.id.is_none() || args.timestamp.is_none()) {
        return Err(Failed::usage("webhook-signature needs --id and --timestamp beside it"));
    }
    let stamp = args.timestamp.map(|at| at.to_string());
    let header = |name: &str| match (name, standard) {
        ("webhook-signature", true) | ("x-webhook-signature", false) => Some(args.signature.as_str()),
        ("webhook-id", true) => args.id.as_deref(),
        ("webhook-timestamp", true) => stamp.as_deref(),
        _ => None,
    };
    let verifier = Verifier::new(Secret::new(&args.secret));
    match verifier.verify(header, &body, args.timestamp.unwrap_or(0)) {
        Ok(verified) => {
            let scheme = if verified.scheme == Scheme::Standard { "webhook-signature" } else { "X-Webhook-Signature" };
            println!("good: {scheme} over {} bytes", body.len());
            Ok(())
        }
        Err(VerifyError::Mismatch) => Err(Failed::because(format!(
            "bad: the signature is not of this secret over these {} bytes; use the raw body, unchanged (no line end added)",
            body.len()
        ))),
        Err(error) => Err(Failed::because(format!("bad: {error}"))),
    }
}
