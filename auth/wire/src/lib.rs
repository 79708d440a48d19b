//! The types that cross the wire: what server functions return and pages show. All of them compile to wasm, so
//! nothing in here may hold a secret. Types that do are in `auth`, which does not compile to wasm.

mod admin; // wing:admin
mod clients; // wing:clients
mod data; // wing:private-data
mod device;
mod event;
mod flow_error;
mod mail; // wing:mail
mod passkeys; // wing:passkeys
mod permission;
mod role;
mod second_factors; // wing:second-factors
mod session;
mod timestamp;
mod user;

/// The name of the project. `cargo xtask rename` changes it, here and in the few files that cannot refer to this.
pub const NAME: &str = "start-axum-auth";

/// The longest address that leads back to a page, in bytes.
pub const RETURN_TO_MAX_BYTES: usize = 2048;

/// Whether an address is short enough and of characters that all browsers interpret in the same way, so that it may lead
/// back to a page.
pub fn is_plain_address(address: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
    address.len() <= RETURN_TO_MAX_BYTES && address.bytes().all(is_plain)
}

pub use self::{
    admin::{DataSize, Events, UserAccount, UserDetails, UserPage, UserRow}, // wing:admin
    clients::{AccessInfo, AccessKind, ConsentRequest, DeviceRequest, NewKey, Scope, Scopes}, // wing:clients
    data::PrivateKeyInfo,                                                   // wing:private-data
    device::device,
    event::{Actor, Event},
    flow_error::FlowError,
    mail::{LinkUse, MailLink, Registration},             // wing:mail
    passkeys::{NewPasskey, PasskeyInfo, PasskeyOptions}, // wing:passkeys
    permission::Permission,
    role::Role,
    second_factors::{RecoveryCodes, SecondFactors, TotpSetup, TotpUnderWay}, // wing:second-factors
    session::{AuthSession, SessionInfo},
    timestamp::Timestamp,
    user::{AccountInfo, ProviderInfo, User, WaysIn},
};
