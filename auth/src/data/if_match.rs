//! The condition of an update.

use http::{HeaderMap, header::IF_MATCH};

/// The condition in `If-Match`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum IfMatch {
    /// No header: unconditional.
    #[default]
    None,
    /// `*`: any version.
    Any,
    /// One of these versions. A validator that is not ours matches nothing.
    Versions(Vec<i64>),
}

impl IfMatch {
    /// The condition of a request. Several headers form one list (RFC 9110 §5.3).
    pub fn of(headers: &HeaderMap) -> Self {
        let values: Vec<_> = headers
            .get_all(IF_MATCH)
            .iter()
            .map(|value| value.to_str().unwrap_or(""))
            .collect();
        Self::parse((!values.is_empty()).then(|| values.join(",")).as_deref())
    }

    /// Parses the header's value (RFC 9110 §13.1.1). The comparison is strong, so a weak validator matches nothing.
    pub fn parse(header: Option<&str>) -> Self {
        match header.map(str::trim) {
            None => Self::None,
            Some("*") => Self::Any,
            Some(list) => Self::Versions(
                list.split(',')
                    .filter_map(|tag| tag.trim().strip_prefix('"')?.strip_suffix('"')?.parse().ok())
                    .collect(),
            ),
        }
    }

    pub(super) fn allows(&self, version: i64) -> bool {
        match self {
            Self::None | Self::Any => true,
            Self::Versions(versions) => versions.contains(&version),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn if_match_compares_strongly() {
        assert!(IfMatch::parse(None).allows(7));
        assert!(IfMatch::parse(Some("*")).allows(7));
        assert!(IfMatch::parse(Some("\"7\"")).allows(7));
        assert!(IfMatch::parse(Some("\"6\", \"7\"")).allows(7));
        for other in ["\"6\"", "W/\"7\"", "7", "", "\"\""] {
            assert!(!IfMatch::parse(Some(other)).allows(7), "{other}");
        }
    }
}
