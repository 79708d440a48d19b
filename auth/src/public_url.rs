//! The address that people know the application by. All absolute addresses are built from it, and none from the
//! `Host` of a request.

use url::{Host, Url};

/// `PUBLIC_URL`: scheme, host and port, without a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    origin: String,
    secure: bool,
    loopback: bool,
}

impl PublicUrl {
    /// Parses an origin such as `https://app.example`.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|_| "is not a URL".to_owned())?;
        let secure = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err("is neither http nor https".to_owned()),
        };
        let bare = url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        if !bare {
            return Err("must be scheme, host and port only".to_owned());
        }
        Ok(Self {
            origin: url.origin().ascii_serialization(),
            secure,
            loopback: is_loopback(&url),
        })
    }

    /// The default, for a server that listens on no particular address.
    pub fn localhost() -> Self {
        Self {
            origin: "http://localhost:3000".to_owned(),
            secure: false,
            loopback: true,
        }
    }

    /// The origin as browsers write it (RFC 6454 §6.2).
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Host and port as a request's `Host` names them: the port only if it is not the scheme's own.
    pub fn authority(&self) -> &str {
        self.origin
            .split_once("://")
            .map_or(&self.origin, |(_, authority)| authority)
    }

    /// Whether it is https.
    pub fn secure(&self) -> bool {
        self.secure
    }

    /// Whether it is an address of this machine.
    pub fn loopback(&self) -> bool {
        self.loopback
    }

    /// One of our absolute addresses.
    pub fn join(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }
}

/// Whether a URL's host is this machine: 127.0.0.0/8, `::1` or `localhost`. Plain http is acceptable only there.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_normal_and_bare() {
        let url = PublicUrl::parse("HTTPS://App.Example:443/").unwrap();
        assert_eq!(
            (url.origin(), url.secure(), url.loopback()),
            ("https://app.example", true, false)
        );
        assert_eq!(url.join("/x"), "https://app.example/x");
        assert_eq!(url.authority(), "app.example");
        assert!(PublicUrl::parse("http://127.0.0.2:3000").unwrap().loopback());
        assert!(PublicUrl::parse("http://[::1]:3000").unwrap().loopback());
        for bad in [
            "",
            "app.example",
            "ftp://app.example",
            "https://app.example/x",
            "https://a@app.example",
            "https://app.example?x",
        ] {
            assert!(PublicUrl::parse(bad).is_err(), "{bad:?}");
        }
    }
}
