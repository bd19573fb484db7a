//! Reading the command line. What is wrong with it is told without the secrets that stand in it.

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::Cli;

/// How clap ends where the command line is wrong.
const USAGE: u8 = 2;
/// What stands in a message in place of a secret.
const HIDDEN: &str = "…";
/// The flag and the variable that may hold a password.
const DATABASE_FLAG: &str = "--database-url";
const DATABASE_VARIABLE: &str = "DAEGEUM_DATABASE_URL";
/// Flags that are none because other accounts of the machine read command lines, and where the secret belongs.
const SECRET_FLAGS: [(&str, &str); 5] = [
    ("--toss-secret-key", "TOSS_SECRET_KEY, or secret_key of [toss] in the settings file"),
    ("--toss-security-key", "TOSS_SECURITY_KEY, or security_key of [toss] in the settings file"),
    ("--encryption-keys", "DAEGEUM_ENCRYPTION_KEYS, or encryption_keys in the settings file"),
    ("--key-pepper", "DAEGEUM_KEY_PEPPER, or key_pepper in the settings file"),
    ("--temporal-api-key", "TEMPORAL_API_KEY"),
];

/// Reads the command line, or says what is wrong with it.
pub(crate) fn parse() -> Result<Cli, ExitCode> {
    let arguments: Vec<String> =
        std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect();
    if let Some(told) = secret_flag(&arguments) {
        eprintln!("error: {told}");
        return Err(ExitCode::from(USAGE));
    }
    Cli::try_parse().map_err(|error| {
        let of_environment = std::env::var(DATABASE_VARIABLE).ok();
        let plain = error.render().to_string();
        let hidden = hide(&plain, &secrets(&arguments, of_environment));
        if !error.use_stderr() || hidden == plain {
            error.exit();
        }
        eprintln!("{}", hidden.trim_end());
        ExitCode::from(USAGE)
    })
}

fn secret_flag(arguments: &[String]) -> Option<String> {
    let named = |argument: &&String| {
        let flag = argument.split('=').next().unwrap_or_default();
        SECRET_FLAGS.iter().find(|(name, _)| *name == flag)
    };
    let (flag, place) = arguments.iter().find_map(|argument| named(&argument))?;
    Some(format!(
        "there is no {flag}: a secret is not taken from the command line, which other accounts of this machine can \
         read; set {place}"
    ))
}

/// What may hold a secret: every address of a database, and whatever looks like one or like a key.
fn secrets(arguments: &[String], of_environment: Option<String>) -> Vec<String> {
    let mut secrets: Vec<String> = of_environment.into_iter().collect();
    let mut is_address = false;
    for argument in arguments {
        let (flag, value) = match argument.split_once('=') {
            Some((flag, value)) if flag.starts_with("--") => (flag, value),
            _ => (argument.as_str(), argument.as_str()),
        };
        let is_secret = ["@", "sk_", "dk_", "whsec_"].iter().any(|mark| value.contains(mark));
        if is_address || is_secret || flag == DATABASE_FLAG && flag != value {
            secrets.push(value.to_owned());
        }
        is_address = argument == DATABASE_FLAG;
    }
    secrets.retain(|secret| !secret.is_empty());
    // Of two that overlap the longer goes first.
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets
}

fn hide(message: &str, secrets: &[String]) -> String {
    secrets.iter().fold(message.to_owned(), |message, secret| message.replace(secret, HIDDEN))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(arguments: &[&str], environment: Option<&str>) -> String {
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let message = format!("error: invalid value '{}' and {environment:?}", arguments.join("' '"));
        hide(&message, &secrets(&arguments, environment.map(str::to_owned)))
    }

    #[test]
    fn a_message_holds_no_secret() {
        for (arguments, environment) in [
            (&["--database-url", "postgers:/user:hidden@host"][..], None),
            (&["--database-url=hidden", "migrate"], None),
            (&["--databse-url=postgres://user:hidden@host/name"], None),
            (&["migrate", "up", "postgres://user:hidden@host/name"], None),
            (&["doctor", "test_sk_hidden"], None),
            (&["doctor"], Some("postgers://user:hidden")),
        ] {
            assert!(!told(arguments, environment).contains("hidden"), "{}", told(arguments, environment));
        }
        assert_eq!(told(&["--port", "99999"], None), "error: invalid value '--port' '99999' and None");
    }

    #[test]
    fn a_secret_on_the_command_line_is_told_where_it_belongs() {
        for argument in ["--toss-secret-key", "--toss-secret-key=test_sk_hidden"] {
            let told = secret_flag(&["doctor".to_owned(), argument.to_owned()]).unwrap_or_default();
            assert!(told.contains("set TOSS_SECRET_KEY") && !told.contains("hidden"), "{told}");
        }
        assert_eq!(secret_flag(&["--toss-client-key".to_owned()]), None);
    }
}
