//! A release must not contain what is for development only.

use std::{fs, path::Path};

use crate::{Outcome, layout, steps::Steps};

/// Addresses that must not exist in production, and what is there.
const DEVELOPMENT_ONLY: &[(&str, &str)] = &[
    ("/dev/idp", "the provider that signs in anyone who asks"), // wing:dev-provider
    ("/dev/mail", "the mailbox that anyone can read"),          // wing:mail
];

/// Searches the release server.
pub(crate) fn without_development(steps: &mut Steps) -> Outcome {
    steps.run("release server", || search(&layout::server("release")?))
}

fn search(server: &Path) -> Outcome {
    let program = fs::read(server).map_err(|error| format!("cannot read {}: {error}", server.display()))?;
    let is_in = |address: &str| {
        program
            .windows(address.len())
            .any(|bytes| bytes == address.as_bytes())
    };
    match DEVELOPMENT_ONLY.iter().find(|(address, _)| is_in(address)) {
        Some((address, what)) => Err(format!(
            "{} contains `{address}`: {what} must be compiled for debug builds only",
            server.display()
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::{env, fs, process};

    use super::{DEVELOPMENT_ONLY, search};

    #[test]
    fn a_server_with_something_of_development_is_found_out() {
        let server = env::temp_dir().join(format!("xtask-server-{}", process::id()));
        for (address, _) in DEVELOPMENT_ONLY {
            let almost = &address[..address.len() - 1];
            fs::write(&server, format!("…{almost}…")).expect("a file is written");
            search(&server).expect("nothing is found");
            fs::write(&server, format!("…{address}/x…")).expect("a file is written");
            search(&server).expect_err("it is found");
        }
        fs::remove_file(&server).expect("the file is removed");
    }
}
