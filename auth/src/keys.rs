//! The key ring: `SESSION_SECRET`, split by purpose.
//!
//! Every entry of the list is a master secret. HKDF-SHA-256 derives one key per purpose from it, so that what was
//! sealed for one purpose opens for no other. The newest entry seals; all of them open. To rotate the secret, put a
//! new one in front.

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
    prelude::BASE64_URL_SAFE_NO_PAD,
};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use pasetors::{
    Local,
    keys::SymmetricKey,
    token::UntrustedToken,
    version4::{LocalToken, V4},
};
use secrecy::{ExposeSecret, SecretSlice};
use sha2::Sha256;
use strum::VariantArray;
use uuid::Uuid;

/// The smallest size of a secret, decoded.
pub const MIN_SECRET_BYTES: usize = 32;
/// The secret in `.env.example`, decoded. It is public, so it is refused in every spelling.
const EXAMPLE_SECRET: &[u8] = b"example-secret-example-secret-01";

/// The number of bytes of its seal that a mark carries.
const MARK_SEAL: usize = 16;

/// The number of bytes of a refresh token's tag.
pub(crate) const TAG: usize = 8; // wing:clients

/// A label for deriving a key. It contains the project's name, so that another project with the same secret has
/// other keys.
macro_rules! label {
    ($purpose:literal) => {
        concat!("start-axum-auth/", $purpose)
    };
}

/// The purpose of a sealed text. It is part of the key derivation and of the seal's implicit assertion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, VariantArray)]
pub enum Purpose {
    /// The snapshot cookie.
    Snapshot,
    /// Provider tokens at rest.
    ProviderToken,
    /// A provider's response that waits for its owner to sign in.
    PendingLink,
    /// What a form without JavaScript gets back after a redirect.
    Flash,
    /// Private data at rest.
    PrivateData, // wing:private-data
    /// Text typed into a form, at rest.
    FormText,
    /// Where a browser is to be led, at rest.
    ReturnTo,
    /// A client's access token.
    AccessToken, // wing:clients
    // wing:mail
    /// A mail that is to be sent.
    Mail,
    /// What a mail's token carries, at rest.
    MailToken,
    // end wing:mail
    // wing:second-factors
    /// The secret of an authenticator app, at rest.
    TotpSecret,
    // end wing:second-factors
    /// The state of what takes more than one request, at rest.
    Ceremony, // wing:second-factors,passkeys
}

impl Purpose {
    const fn label(self) -> &'static str {
        match self {
            Self::Snapshot => label!("snapshot/v1"),
            Self::ProviderToken => label!("provider-token/v1"),
            Self::PendingLink => label!("pending-link/v1"),
            Self::Flash => label!("flash/v1"),
            Self::PrivateData => label!("private-data/v1"), // wing:private-data
            Self::FormText => label!("form-text/v1"),
            Self::ReturnTo => label!("return-to/v1"),
            Self::AccessToken => label!("access-token/v1"), // wing:clients
            Self::Mail => label!("mail/v1"),                // wing:mail
            Self::MailToken => label!("mail-token/v1"),     // wing:mail
            Self::TotpSecret => label!("totp-secret/v1"),   // wing:second-factors
            Self::Ceremony => label!("ceremony/v1"),        // wing:second-factors,passkeys
        }
    }

    /// The implicit assertion of text sealed for a place. No label contains a zero byte.
    fn at(self, place: &Place) -> Vec<u8> {
        [self.label().as_bytes(), &[0], &place.0].concat()
    }
}

/// Where a sealed text is stored. Otherwise an attacker who can write to the database, but has no key, could move
/// it to a row of their own and have it opened for themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place(Vec<u8>);

impl Place {
    /// A column, and what identifies the row.
    pub fn new(column: &'static str, row: &[&[u8]]) -> Self {
        let mut place = Vec::new();
        // The lengths keep consecutive parts apart.
        for part in [&[column.as_bytes()], row].concat() {
            place.extend((part.len() as u64).to_le_bytes());
            place.extend(part);
        }
        Self(place)
    }
}

/// What is wrong with a `SESSION_SECRET`. No variant repeats the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Neither standard nor URL-safe base64.
    #[error("is not base64")]
    NotBase64,
    /// Shorter than [`MIN_SECRET_BYTES`].
    #[error("is shorter than 32 bytes")]
    TooShort,
    /// All bytes are the same.
    #[error("repeats one byte")]
    Uniform,
    /// The one from the example.
    #[error("is the example's")]
    Example,
}

struct Key {
    /// Goes into the footer, in clear: identifies the key that opens this.
    name: String,
    /// One key per purpose, set up once rather than per request.
    purposes: [SymmetricKey<V4>; Purpose::VARIANTS.len()],
    /// The key that seals marks.
    mark: Hmac<Sha256>,
    /// The key that tags refresh tokens.
    tag: Hmac<Sha256>, // wing:clients
    // wing:mail
    /// The key for codes in mails.
    code: Hmac<Sha256>,
    /// The key for fingerprints.
    fingerprint: Hmac<Sha256>,
    // end wing:mail
}

/// The keys, newest first.
pub struct KeyRing {
    keys: Vec<Key>,
    /// Set up once: cloning it costs less than setting up a key.
    etag: Hmac<Sha256>,
}

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.keys.iter().map(|key| &key.name).collect();
        f.debug_struct("KeyRing")
            .field("names", &names)
            .finish_non_exhaustive()
    }
}

/// Decodes one entry of `SESSION_SECRET`: standard or URL-safe base64, padded or not.
pub fn decode_secret(text: &str) -> Result<SecretSlice<u8>, SecretError> {
    const LENIENT: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let bytes = GeneralPurpose::new(&alphabet::STANDARD, LENIENT)
        .decode(text)
        .or_else(|_| GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT).decode(text))
        .map_err(|_| SecretError::NotBase64)?;
    if bytes == EXAMPLE_SECRET {
        return Err(SecretError::Example);
    }
    if bytes.len() < MIN_SECRET_BYTES {
        return Err(SecretError::TooShort);
    }
    if bytes.iter().all(|byte| *byte == bytes[0]) {
        return Err(SecretError::Uniform);
    }
    Ok(bytes.into())
}

impl KeyRing {
    /// A ring of these secrets, newest first.
    ///
    /// # Panics
    /// If the list is empty: there is nothing to seal with.
    pub fn new(secrets: &[SecretSlice<u8>]) -> Self {
        assert!(!secrets.is_empty(), "a key ring needs a secret");
        let keys = secrets.iter().map(Key::derive).collect();
        let etag = expand(&secrets[0], label!("etag/v1"));
        Self {
            keys,
            etag: Hmac::new_from_slice(&etag).expect("HMAC takes any key length"),
        }
    }

    /// Seals `text` with the newest key.
    pub fn seal(&self, purpose: Purpose, text: &str) -> String {
        self.seal_with(purpose, purpose.label().as_bytes(), text)
    }

    /// Opens what [`Self::seal`] created for the same purpose. `None` for anything else, whatever is wrong with it.
    pub fn open(&self, purpose: Purpose, sealed: &str) -> Option<String> {
        self.open_with(purpose, purpose.label().as_bytes(), sealed)
    }

    /// Seals `text` with the newest key for one place in the database.
    pub fn seal_at(&self, purpose: Purpose, place: &Place, text: &str) -> String {
        self.seal_with(purpose, &purpose.at(place), text)
    }

    /// Opens what [`Self::seal_at`] created for the same purpose and place.
    pub fn open_at(&self, purpose: Purpose, place: &Place, sealed: &str) -> Option<String> {
        self.open_with(purpose, &purpose.at(place), sealed)
    }

    // wing:private-data,second-factors
    /// The ending of everything that the newest key has sealed.
    pub(crate) fn newest_ending(&self) -> String {
        format!(
            ".{}",
            base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(&self.keys[0].name)
        )
    }
    // end wing:private-data,second-factors

    fn seal_with(&self, purpose: Purpose, assertion: &[u8], text: &str) -> String {
        let key = &self.keys[0];
        LocalToken::encrypt(
            &key.purposes[purpose as usize],
            text.as_bytes(),
            Some(key.name.as_bytes()),
            Some(assertion),
        )
        .expect("sealing fails only without text or without the system's randomness")
    }

    fn open_with(&self, purpose: Purpose, assertion: &[u8], sealed: &str) -> Option<String> {
        let token = UntrustedToken::<Local, V4>::try_from(sealed).ok()?;
        let key = self
            .keys
            .iter()
            .find(|key| key.name.as_bytes() == token.untrusted_footer())?;
        LocalToken::decrypt(
            &key.purposes[purpose as usize],
            &token,
            Some(key.name.as_bytes()),
            Some(assertion),
        )
        .ok()
        .map(|opened| opened.payload().to_owned())
    }

    /// A strong validator for a body. It is keyed, so it reveals nothing about guessable content.
    pub fn etag(&self, body: &[u8]) -> String {
        let mut mac = self.etag.clone();
        mac.update(body);
        let digest = mac.finalize().into_bytes();
        let tag = BASE64_URL_SAFE_NO_PAD.encode(&digest[..16]);
        format!("\"{tag}\"")
    }

    /// A user's mark: a form carries it to show which user its page was made for. It is always the same, so that a
    /// page is, too. It cannot be forged for another user, and it opens nothing.
    pub fn mark(&self, user_id: Uuid) -> String {
        let mut mark = user_id.into_bytes().to_vec();
        mark.extend_from_slice(&self.keys[0].seal_of(user_id).finalize().into_bytes()[..MARK_SEAL]);
        BASE64_URL_SAFE_NO_PAD.encode(mark)
    }

    // wing:clients
    /// A tag that shows that these bytes were issued here. It admits nobody.
    pub(crate) fn tag(&self, bytes: &[u8]) -> [u8; TAG] {
        let mut mac = self.keys[0].tag.clone();
        mac.update(bytes);
        let mut tag = [0; TAG];
        tag.copy_from_slice(&mac.finalize().into_bytes()[..TAG]);
        tag
    }

    /// Whether one of the keys has tagged these bytes.
    pub(crate) fn is_tagged(&self, bytes: &[u8], tag: &[u8]) -> bool {
        let is_ours = |key: &Key| {
            let mut mac = key.tag.clone();
            mac.update(bytes);
            mac.verify_truncated_left(tag).is_ok()
        };
        tag.len() == TAG && self.keys.iter().any(is_ours)
    }
    // end wing:clients

    // wing:mail
    /// What is stored of a code that belongs to a token with this hash. It is keyed: a code has so few digits that a plain
    /// hash of it could be reversed.
    pub(crate) fn code_mac(&self, hash: &[u8], code: &str) -> [u8; 32] {
        self.keys[0].code_of(hash, code).finalize().into_bytes().into()
    }

    /// Whether one of the keys made this of the code.
    pub(crate) fn is_code(&self, hash: &[u8], code: &str, mac: &[u8]) -> bool {
        self.keys
            .iter()
            .any(|key| key.code_of(hash, code).verify_slice(mac).is_ok())
    }

    /// What is stored in the place of a text that has to be found again, and that somebody with a copy of the database
    /// could guess.
    pub(crate) fn fingerprint(&self, of: &Place) -> [u8; 32] {
        self.keys[0].fingerprint_of(of)
    }

    /// The same by each of the keys, newest first: what an older one made is found, too.
    pub(crate) fn fingerprints(&self, of: &Place) -> Vec<[u8; 32]> {
        self.keys.iter().map(|key| key.fingerprint_of(of)).collect()
    }
    // end wing:mail

    /// The user that a mark belongs to; `None` if the mark is not ours.
    pub fn marked(&self, mark: &str) -> Option<Uuid> {
        let mark = BASE64_URL_SAFE_NO_PAD.decode(mark).ok()?;
        let (user_id, seal) = mark.split_at_checked(16)?;
        let user_id = Uuid::from_slice(user_id).ok()?;
        let is_whole = seal.len() == MARK_SEAL;
        let is_ours = |key: &Key| key.seal_of(user_id).verify_truncated_left(seal).is_ok();
        (is_whole && self.keys.iter().any(is_ours)).then_some(user_id)
    }
}

impl Key {
    fn derive(secret: &SecretSlice<u8>) -> Self {
        let name = expand(secret, label!("key-name/v1"));
        Self {
            name: name[..4].iter().map(|byte| format!("{byte:02x}")).collect(),
            purposes: std::array::from_fn(|purpose| {
                let label = Purpose::VARIANTS[purpose].label();
                SymmetricKey::from(&expand(secret, label)).expect("32 bytes are a v4.local key")
            }),
            mark: Hmac::new_from_slice(&expand(secret, label!("mark/v1")))
                .expect("HMAC takes any key length"),
            // wing:clients
            tag: Hmac::new_from_slice(&expand(secret, label!("refresh-tag/v1")))
                .expect("HMAC takes any key length"),
            // end wing:clients
            // wing:mail
            code: Hmac::new_from_slice(&expand(secret, label!("mail-code/v1")))
                .expect("HMAC takes any key length"),
            fingerprint: Hmac::new_from_slice(&expand(secret, label!("fingerprint/v1")))
                .expect("HMAC takes any key length"),
            // end wing:mail
        }
    }

    // wing:mail
    fn code_of(&self, hash: &[u8], code: &str) -> Hmac<Sha256> {
        let mut mac = self.code.clone();
        mac.update(hash);
        mac.update(code.as_bytes());
        mac
    }

    fn fingerprint_of(&self, of: &Place) -> [u8; 32] {
        let mut mac = self.fingerprint.clone();
        mac.update(&of.0);
        mac.finalize().into_bytes().into()
    }
    // end wing:mail

    fn seal_of(&self, user_id: Uuid) -> Hmac<Sha256> {
        let mut mac = self.mark.clone();
        mac.update(user_id.as_bytes());
        mac
    }
}

// wing:clients
/// Bytes from which the key is made that signs tokens for other servers. Not every number is a key: the counter leads on to
/// the next.
pub(crate) fn signing_seed(secret: &SecretSlice<u8>, counter: u8) -> [u8; 32] {
    let mut seed = [0; 32];
    Hkdf::<Sha256>::new(None, secret.expose_secret())
        .expand_multi_info(&[label!("token-signing/v1").as_bytes(), &[0, counter]], &mut seed)
        .expect("32 bytes are within HKDF's reach");
    seed
}
// end wing:clients

fn expand(secret: &SecretSlice<u8>, label: &str) -> [u8; 32] {
    let mut key = [0; 32];
    Hkdf::<Sha256>::new(None, secret.expose_secret())
        .expand(label.as_bytes(), &mut key)
        .expect("32 bytes are within HKDF's reach");
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(byte: u8) -> SecretSlice<u8> {
        (0..32).map(|i| byte.wrapping_add(i)).collect::<Vec<u8>>().into()
    }

    #[test]
    fn opens_only_for_its_purpose() {
        let ring = KeyRing::new(&[secret(1)]);
        let sealed = ring.seal(Purpose::Snapshot, "text");
        assert_eq!(ring.open(Purpose::Snapshot, &sealed).as_deref(), Some("text"));
        assert_eq!(ring.open(Purpose::Flash, &sealed), None);
    }

    #[test]
    fn what_is_sealed_for_a_place_opens_in_no_other() {
        let ring = KeyRing::new(&[secret(1)]);
        let (purpose, place) = (Purpose::ProviderToken, Place::new("t.a", &[b"12", b"3"]));
        let sealed = ring.seal_at(purpose, &place, "text");
        assert_eq!(ring.open_at(purpose, &place, &sealed).as_deref(), Some("text"));
        for other in [
            Place::new("t.b", &[b"12", b"3"]),
            Place::new("t.a", &[b"1", b"23"]),
            Place::new("t.a", &[b"123"]),
        ] {
            assert_eq!(ring.open_at(purpose, &other, &sealed), None, "{other:?}");
        }
        assert_eq!(ring.open_at(Purpose::PendingLink, &place, &sealed), None);
        assert_eq!(ring.open(purpose, &sealed), None);
        assert_eq!(ring.open_at(purpose, &place, &ring.seal(purpose, "text")), None);
        // wing:private-data,second-factors
        assert!(sealed.ends_with(&ring.newest_ending()));
        let newer = KeyRing::new(&[secret(2), secret(1)]);
        assert!(!sealed.ends_with(&newer.newest_ending()));
        // end wing:private-data,second-factors
    }

    #[test]
    fn rotation_keeps_old_seals_open_until_the_key_goes() {
        let old = KeyRing::new(&[secret(1)]);
        let both = KeyRing::new(&[secret(2), secret(1)]);
        let new = KeyRing::new(&[secret(2)]);
        let sealed = old.seal(Purpose::Snapshot, "text");
        assert_eq!(both.open(Purpose::Snapshot, &sealed).as_deref(), Some("text"));
        assert_eq!(new.open(Purpose::Snapshot, &sealed), None);
        assert!(
            new.open(Purpose::Snapshot, &both.seal(Purpose::Snapshot, "text"))
                .is_some()
        );
    }

    #[test]
    fn a_mark_belongs_to_its_user_only_under_every_key_of_the_ring() {
        let old = KeyRing::new(&[secret(1)]);
        let both = KeyRing::new(&[secret(2), secret(1)]);
        let new = KeyRing::new(&[secret(2)]);
        let (ada, eve) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let mark = old.mark(ada);
        assert_eq!(mark, old.mark(ada), "a page is the same each time");
        assert_eq!((old.marked(&mark), both.marked(&mark)), (Some(ada), Some(ada)));
        assert_eq!(new.marked(&mark), None);
        // Another user's id before the same seal, a part of the seal, nothing at all.
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(&mark).unwrap();
        let forged = [eve.as_bytes(), &bytes[16..]].concat();
        for bytes in [
            &forged[..],
            &bytes[..31],
            &bytes[..16],
            &[],
            &[bytes.as_slice(), &[0]].concat(),
        ] {
            assert_eq!(old.marked(&BASE64_URL_SAFE_NO_PAD.encode(bytes)), None);
        }
        assert_eq!(old.marked("\u{e9}"), None);
    }

    #[test]
    fn any_flipped_byte_closes_it() {
        let ring = KeyRing::new(&[secret(1)]);
        let sealed = ring.seal(Purpose::Snapshot, "text");
        for i in 0..sealed.len() {
            let mut bytes = sealed.clone().into_bytes();
            bytes[i] ^= 1;
            let flipped = String::from_utf8(bytes).unwrap();
            assert_eq!(ring.open(Purpose::Snapshot, &flipped), None, "byte {i}");
            assert_eq!(ring.open(Purpose::Snapshot, &sealed[..i]), None, "cut at {i}");
        }
    }

    #[test]
    fn secrets_are_judged() {
        let good = base64::prelude::BASE64_STANDARD.encode((0..32).collect::<Vec<u8>>());
        assert!(decode_secret(&good).is_ok());
        assert!(decode_secret(good.trim_end_matches('=')).is_ok());
        let url_safe = base64::prelude::BASE64_URL_SAFE_NO_PAD.encode([[0xfb, 0xff].repeat(16)].concat());
        assert!(decode_secret(&url_safe).is_ok());
        assert_eq!(decode_secret("not base64!").err(), Some(SecretError::NotBase64));
        assert_eq!(decode_secret("c2hvcnQ=").err(), Some(SecretError::TooShort));
        let uniform = base64::prelude::BASE64_STANDARD.encode([7; 32]);
        assert_eq!(decode_secret(&uniform).err(), Some(SecretError::Uniform));
        let example = base64::prelude::BASE64_STANDARD.encode(EXAMPLE_SECRET);
        assert_eq!(example, "ZXhhbXBsZS1zZWNyZXQtZXhhbXBsZS1zZWNyZXQtMDE=");
        for spelling in [example.as_str(), example.trim_end_matches('=')] {
            assert_eq!(decode_secret(spelling).err(), Some(SecretError::Example));
        }
    }
}
