//! The address of a PostgreSQL server, and which certificates TLS trusts there.
//!
//! sqlx promises less than libpq for the same `sslmode`: with `require` it ignores a given `sslrootcert`, and even
//! with a root given it goes on to trust the system's roots. So `verify-ca` would accept any holder of a
//! certificate for any name in the world. Here an address that names a root, or asks for a certificate to be
//! verified at all, gets all of `verify-full`.

use std::{fmt::Write, fs::File, str::FromStr, sync::LazyLock};

use base64::{Engine, prelude::BASE64_STANDARD};
use sqlx::{
    ConnectOptions, Error,
    postgres::{PgConnectOptions, PgSslMode},
};

/// sqlx's names of the parameters that name files, and its prefix of a file's name.
const FILES: [&str; 3] = ["sslrootcert", "sslcert", "sslkey"];
const FILE: &str = "file: ";

/// Mozilla's roots, in addition to the system's: some container images have none.
static BUNDLED_ROOTS: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut pem = String::new();
    for root in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
        let root = BASE64_STANDARD.encode(root);
        let written = write!(
            pem,
            "-----BEGIN CERTIFICATE-----\n{root}\n-----END CERTIFICATE-----\n"
        );
        written.expect("text can be written to memory");
    }
    pem.into_bytes()
});

/// Reads an address.
///
/// # Errors
/// If it cannot be parsed, or names a file that cannot be read. The error repeats no value except the file's name
/// and the mode's.
pub(super) fn read(url: &str) -> Result<PgConnectOptions, Error> {
    let options = PgConnectOptions::from_str(url)?
        // PgBouncer refuses start-up parameters it does not know, and we have no floating-point columns.
        .extra_float_digits(None)
        .application_name(env!("CARGO_PKG_NAME"));
    let mut names_root = false;
    for (name, value) in options.to_url_lossy().query_pairs() {
        names_root |= name == "sslrootcert";
        // An error on connecting would only report a missing file, not which one.
        if FILES.contains(&&*name)
            && let Some(file) = value.strip_prefix(FILE)
        {
            File::open(file).map_err(|error| {
                Error::Configuration(format!("the file {file} of {name} cannot be read: {error}").into())
            })?;
        }
    }
    let options = match (options.get_ssl_mode(), names_root) {
        (PgSslMode::Disable | PgSslMode::Allow | PgSslMode::Prefer, _) | (PgSslMode::Require, false) => {
            return Ok(options);
        }
        (PgSslMode::Require | PgSslMode::VerifyCa | PgSslMode::VerifyFull, _) => {
            options.ssl_mode(PgSslMode::VerifyFull)
        }
    };
    Ok(if names_root {
        options
    } else {
        options.ssl_root_cert_from_pem(BUNDLED_ROOTS.clone())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(query: &str) -> Result<PgSslMode, String> {
        let options = read(&format!("postgres://ada:canary@localhost/app{query}"));
        options
            .map(|options| options.get_ssl_mode())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_request_to_verify_the_certificate_verifies_its_name_as_well() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let root = format!("&sslrootcert={file}");
        for (query, verified) in [
            ("", false),
            ("?sslmode=disable", false),
            ("?sslmode=prefer", false),
            ("?sslmode=require", false),
            ("?sslmode=verify-ca", true),
            ("?sslmode=verify-full", true),
            (&format!("?sslmode=require{root}"), true),
            (&format!("?sslmode=verify-ca{root}"), true),
        ] {
            let mode = mode(query).unwrap();
            assert_eq!(
                matches!(mode, PgSslMode::VerifyFull),
                verified,
                "{query}: {mode:?}"
            );
        }
    }

    #[test]
    fn what_cannot_be_read_is_named_without_the_password() {
        let missing = mode("?sslmode=verify-full&sslrootcert=/nowhere/root.pem").unwrap_err();
        assert!(
            missing.contains("sslrootcert") && missing.contains("/nowhere/root.pem"),
            "{missing}"
        );
        let misspelt = mode("?sslmode=verify-ful").unwrap_err();
        assert!(misspelt.contains("verify-ful"), "{misspelt}");
        assert!(!missing.contains("canary") && !misspelt.contains("canary"));
    }

    #[test]
    fn the_bundled_roots_can_be_read() {
        let text = std::str::from_utf8(&BUNDLED_ROOTS).unwrap();
        let roots = text.matches("-----BEGIN CERTIFICATE-----").count();
        assert_eq!(roots, webpki_root_certs::TLS_SERVER_ROOT_CERTS.len());
        assert!(roots > 50, "{roots}");
    }
}
