//! Random secrets for whatever xtask creates.

use std::{fs::File, io::Read};

use crate::Outcome;

/// `BYTES` random bytes in hexadecimal digits, which need no escaping in an address, and are valid base64 too.
pub(crate) fn digits<const BYTES: usize>() -> Outcome<String> {
    let mut bytes = [0; BYTES];
    File::open("/dev/urandom")
        .and_then(|mut random| random.read_exact(&mut bytes))
        .map_err(|error| format!("cannot read /dev/urandom: {error}"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::digits;

    #[test]
    fn a_secret_is_as_long_as_asked_and_never_the_same() {
        let (one, other) = (digits::<32>(), digits::<32>());
        assert_eq!(one.as_ref().map(String::len), Ok(64));
        assert_ne!(one, other);
    }
}
