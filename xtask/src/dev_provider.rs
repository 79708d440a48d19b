//! A release must not contain the development provider.

use std::{fs, path::Path};

use crate::{Outcome, layout, steps::Steps};

/// The provider signs in anyone who asks. This is one of its addresses, which must not exist in production.
const DEVELOPMENT_ONLY: &[u8] = b"/dev/idp";

/// Searches the release server.
pub(crate) fn is_not_released(steps: &mut Steps) -> Outcome {
    steps.run("release server", || is_not_in(&layout::server("release")?))
}

fn is_not_in(server: &Path) -> Outcome {
    let program = fs::read(server).map_err(|error| format!("cannot read {}: {error}", server.display()))?;
    let is_in = program
        .windows(DEVELOPMENT_ONLY.len())
        .any(|bytes| bytes == DEVELOPMENT_ONLY);
    if is_in {
        return Err(format!(
            "{} contains `{}`: the development provider must be compiled for debug builds only",
            server.display(),
            String::from_utf8_lossy(DEVELOPMENT_ONLY)
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{env, fs, process};

    use super::is_not_in;

    #[test]
    fn a_server_with_the_development_provider_is_found_out() {
        let server = env::temp_dir().join(format!("xtask-server-{}", process::id()));
        fs::write(&server, "…/callback/dev/id…").expect("a file is written");
        is_not_in(&server).expect("nothing is found");
        fs::write(&server, "…/callback/dev/idp/authorize…").expect("a file is written");
        is_not_in(&server).expect_err("it is found");
        fs::remove_file(&server).expect("the file is removed");
    }
}
