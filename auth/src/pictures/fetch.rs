//! Fetching a picture from the address that a provider names.
//!
//! At some providers people choose that address themselves, so it may lead anywhere, and back into our own network. Only
//! public addresses are asked, and what a name leads to is looked up once: the address that was checked is the one that is
//! connected to.

use std::net::SocketAddr;

use http::{StatusCode, header::LOCATION};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::{
    net::lookup_host,
    sync::{OnceCell, Semaphore},
    time::timeout,
};
use url::{Host, Origin, Url};

use super::public::is_public;
use crate::{error::chain, http_client::Http, public_url::is_loopback};

/// The largest picture that is fetched, in bytes.
const MAX_BODY: usize = 2 * 1024 * 1024;
/// How often another address may be named.
const REDIRECTS: usize = 3;
/// The most pictures that are fetched at once.
const PLACES: usize = 4;

/// Why a picture was not fetched. No variant holds an address.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotFetched {
    #[error("its address is not a public one, or not https")]
    Address,
    #[error("the client cannot be built: {}", chain(.0))]
    Client(reqwest::Error),
    #[error("no answer: {}", chain(.0))]
    Transport(reqwest::Error),
    #[error("it did not arrive in time")]
    Timeout,
    #[error("it is larger than {MAX_BODY} bytes")]
    TooLarge,
    #[error("the response has status {0}")]
    Status(StatusCode),
    #[error("it leads on more than {REDIRECTS} times")]
    Redirects,
    #[error("too many pictures are being fetched at once")]
    Crowded,
}

impl From<reqwest::Error> for NotFetched {
    fn from(error: reqwest::Error) -> Self {
        Self::Transport(error.without_url())
    }
}

/// The client for pictures.
#[derive(Debug)]
pub(super) struct Fetcher {
    http: Http,
    /// Built when it is needed first: it reads the system's certificates.
    client: OnceCell<reqwest::Client>,
    places: Semaphore,
}

impl Fetcher {
    pub(super) fn new(http: Http) -> Self {
        Self {
            http,
            client: OnceCell::new(),
            places: Semaphore::new(PLACES),
        }
    }

    /// The file at this address. `at_home`: the only place on this machine where it may be, since the provider that named
    /// it is there.
    pub(super) async fn fetch(&self, url: Url, at_home: Option<&Origin>) -> Result<Vec<u8>, NotFetched> {
        let _place = self.places.try_acquire().map_err(|_| NotFetched::Crowded)?;
        // As long as for any response of a provider, here with all redirects.
        timeout(self.http.patience(), self.follow(url, at_home))
            .await
            .unwrap_or(Err(NotFetched::Timeout))
    }

    async fn follow(&self, mut url: Url, at_home: Option<&Origin>) -> Result<Vec<u8>, NotFetched> {
        let client = self
            .client
            .get_or_try_init(async || self.http.outside(PublicNames).map_err(NotFetched::Client))
            .await?;
        for _ in 0..=REDIRECTS {
            if !may_be_asked(&url, at_home) {
                return Err(NotFetched::Address);
            }
            let response = client.get(url.clone()).send().await?;
            let status = response.status();
            if status.is_redirection() {
                let location = response.headers().get(LOCATION);
                let next = location.and_then(|location| url.join(location.to_str().ok()?).ok());
                url = next.ok_or(NotFetched::Status(status))?;
                continue;
            }
            return match status {
                StatusCode::OK => read(response).await,
                status => Err(NotFetched::Status(status)),
            };
        }
        Err(NotFetched::Redirects)
    }
}

async fn read(mut response: reqwest::Response) -> Result<Vec<u8>, NotFetched> {
    let mut file = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if file.len() + chunk.len() > MAX_BODY {
            return Err(NotFetched::TooLarge);
        }
        file.extend_from_slice(&chunk);
    }
    Ok(file)
}

/// Whether this address may be asked. Where its name leads is for [`PublicNames`].
fn may_be_asked(url: &Url, at_home: Option<&Origin>) -> bool {
    // A name and a password would be sent.
    if !url.username().is_empty() || url.password().is_some() {
        return false;
    }
    if is_loopback(url) {
        return at_home == Some(&url.origin());
    }
    let is_public = match url.host() {
        Some(Host::Ipv4(ip)) => is_public(ip.into()),
        Some(Host::Ipv6(ip)) => is_public(ip.into()),
        Some(Host::Domain(_)) => true,
        None => false,
    };
    url.scheme() == "https" && is_public
}

/// Finds only public addresses. `localhost` is the exception: [`may_be_asked`] decides about it.
struct PublicNames;

impl Resolve for PublicNames {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let is_here = name.as_str() == "localhost";
            let found = lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found
                .filter(|address| is_public(address.ip()) || is_here && address.ip().is_loopback())
                .collect();
            if public.is_empty() {
                return Err("the name leads to no public address".into());
            }
            Ok::<Addrs, _>(Box::new(public.into_iter()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(address: &str, home: Option<&str>) -> bool {
        let origin = home.map(|home| Url::parse(home).unwrap().origin());
        may_be_asked(&Url::parse(address).unwrap(), origin.as_ref())
    }

    #[test]
    fn only_public_addresses_are_asked_by_https() {
        for good in [
            "https://img.example/a.png?s=1",
            "https://93.184.215.14/a",
            "https://[2606:4700::1]/",
        ] {
            assert!(asked(good, None), "{good}");
        }
        for bad in [
            "http://img.example/a.png",
            "https://user@img.example/a.png",
            "https://user:word@img.example/a.png",
            "https://127.0.0.1/",
            "https://localhost/",
            "https://LOCALHOST:8443/",
            "https://0x7f.1/",
            "https://2130706433/",
            "https://10.0.0.1/",
            "https://169.254.169.254/latest/meta-data/",
            "https://192.168.1.1/",
            "https://100.64.0.1/",
            "https://0.0.0.0/",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://[fd00:ec2::254]/",
            "https://[fe80::1]/",
            "ftp://img.example/",
            "file:///etc/passwd",
            "data:image/png;base64,AA==",
        ] {
            assert!(!asked(bad, None), "{bad}");
        }
    }

    #[test]
    fn a_provider_on_this_machine_may_name_an_address_of_its_own_and_no_other_private_one() {
        let home = Some("http://127.0.0.1:9/realms/acme");
        for good in ["http://127.0.0.1:9/a", "https://img.example/"] {
            assert!(asked(good, home), "{good}");
        }
        for bad in [
            "http://127.0.0.1:10/a",
            "http://127.0.0.1/a",
            "https://127.0.0.1:9/a",
            "http://localhost:9/a",
            "http://[::1]:9/a",
            "http://img.example/",
            "http://10.0.0.1/",
            "https://10.0.0.1/",
            "https://169.254.169.254/",
        ] {
            assert!(!asked(bad, home), "{bad}");
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_home_leads_nowhere() {
        for name in ["127.0.0.1", "10.0.0.1"] {
            let found = PublicNames.resolve(name.parse().unwrap()).await;
            assert!(found.is_err(), "{name}");
        }
        assert!(PublicNames.resolve("8.8.8.8".parse().unwrap()).await.is_ok());
    }
}
