//! Providers from the environment. A provider is configured if its client id and secret are set.

use url::{Url, form_urlencoded};

use crate::{
    config::{problem::Problem, vars::Vars},
    http_client::is_safe,
    oauth::providers::{
        PRESETS,
        development, // wing:dev-provider
        generic::GENERIC,
        preset::{Known, Preset, Secret},
        provider::{ClientSecret, Provider},
    },
    users::clean_name,
};

/// Ids that no provider in `AUTH_PROVIDERS` may have, and why.
const RESERVED: &[(&str, &str)] = &[
    development::RESERVED, // wing:dev-provider
];

/// Reads all configured providers: first the presets in the order of their rows, then those in `AUTH_PROVIDERS` in
/// the order of that list. Mistakes are added to `problems`, and a provider with a mistake is left out.
pub fn from_vars(vars: &Vars, problems: &mut Vec<Problem>) -> Vec<Provider> {
    let presets = PRESETS.iter().filter_map(|preset| {
        let reader = Reader {
            vars,
            prefix: prefix(preset.id),
        };
        reader
            .configured()
            .then(|| reader.provider(preset.id, preset, problems))
            .flatten()
    });
    let mut providers: Vec<Provider> = presets.collect();
    for id in listed(vars, problems) {
        let reader = Reader {
            vars,
            prefix: prefix(id),
        };
        providers.extend(reader.provider(id, &GENERIC, problems));
    }
    providers
}

/// Whether a text can be a provider's id.
pub(crate) fn is_id(text: &str) -> bool {
    (1..=32).contains(&text.len())
        && text
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
}

/// The prefix of a provider's variables.
fn prefix(id: &str) -> String {
    id.to_ascii_uppercase().replace('-', "_")
}

/// The ids in `AUTH_PROVIDERS` that are not presets. Presets need not be listed, but may be.
fn listed<'a>(vars: &'a Vars, problems: &mut Vec<Problem>) -> Vec<&'a str> {
    let mut ids: Vec<&str> = Vec::new();
    let list = vars.get("AUTH_PROVIDERS").unwrap_or_default();
    for id in list.split(',').map(str::trim).filter(|id| !id.is_empty()) {
        let message = if !is_id(id) {
            "contains an id that is not 1 to 32 of the characters a-z, 0-9, _ and -"
        } else if let Some((_, why)) = RESERVED.iter().find(|(reserved, _)| *reserved == id) {
            why
        } else if PRESETS.iter().any(|preset| preset.id == id) {
            continue;
        } else if ids.iter().any(|other| prefix(other) == prefix(id)) {
            "contains two ids with the same variables"
        } else {
            ids.push(id);
            continue;
        };
        problems.push(Problem {
            variable: "AUTH_PROVIDERS".to_owned(),
            message: message.to_owned(),
        });
    }
    ids
}

/// Reads the variables of one provider.
pub(crate) struct Reader<'a> {
    vars: &'a Vars,
    prefix: String,
}

impl<'a> Reader<'a> {
    fn name(&self, suffix: &str) -> String {
        format!("{}_{suffix}", self.prefix)
    }

    fn get(&self, suffix: &str) -> Option<&'a str> {
        self.vars.get(&self.name(suffix))
    }

    /// Whether there is an attempt to configure this provider, which either half shows.
    fn configured(&self) -> bool {
        ["CLIENT_ID", "CLIENT_SECRET", "PRIVATE_KEY"]
            .iter()
            .any(|suffix| self.get(suffix).is_some())
    }

    pub(super) fn required(&self, suffix: &str, problems: &mut Vec<Problem>) -> Option<&'a str> {
        let value = self.get(suffix);
        if value.is_none() {
            problems.push(Problem {
                variable: self.name(suffix),
                message: "is missing".to_owned(),
            });
        }
        value
    }

    pub(super) fn parsed<T>(
        &self,
        suffix: &str,
        problems: &mut Vec<Problem>,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        self.vars
            .parsed(&self.name(suffix), None, problems, |text| parse(text).map(Some))
    }

    fn provider(&self, id: &str, preset: &'static Preset, problems: &mut Vec<Problem>) -> Option<Provider> {
        let before = problems.len();
        let client_id = self.required("CLIENT_ID", problems);
        let secret = self.secret(preset, problems);
        let issuer = self.issuer(preset, problems);
        let url = |suffix, problems: &mut Vec<Problem>| {
            self.parsed(suffix, problems, |text| address(text).map(|_| text.to_owned()))
        };
        let authorize = url("AUTH_URL", problems);
        let token = url("TOKEN_URL", problems);
        let userinfo = url("USERINFO_URL", problems);
        let urls = preset.urls.iter();
        let urls = urls
            .filter_map(|suffix| Some((*suffix, url(suffix, problems)?)))
            .collect();
        // A plain OAuth 2.0 provider has neither metadata nor an ID token.
        let of_openid = |parse: fn(&str) -> Result<String, String>| {
            move |text: &str| match preset.endpoints {
                Known::Endpoints { .. } => Err("is for providers that speak OpenID Connect".to_owned()),
                Known::Issuer(_) | Known::Tenants(_) => parse(text),
            }
        };
        let metadata = self.parsed(
            "METADATA_URL",
            problems,
            of_openid(|text| address(text).map(|_| text.to_owned())),
        );
        let audiences = self.parsed("AUDIENCES", problems, of_openid(|text| Ok(text.to_owned())));
        let algorithms = self.parsed("ALGS", problems, |text| words(text).map(str::parse).collect());
        let name = self.parsed("NAME", problems, |text| {
            clean_name(text).ok_or_else(|| "is not a name".to_owned())
        });
        let mut scopes: Vec<String> = match self.get("SCOPES") {
            Some(text) => words(text).map(str::to_owned).collect(),
            None => preset.scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        };
        // Without this scope the response is plain OAuth 2.0 (OpenID Connect Core §3.1.2.1).
        if preset.scopes.contains(&"openid") && !scopes.iter().any(|scope| scope == "openid") {
            scopes.insert(0, "openid".to_owned());
        }
        let offline = self.parsed("OFFLINE", problems, |text| match text {
            "1" => Ok(true),
            _ => Err("must be 1 or unset".to_owned()),
        });
        let offline = offline.unwrap_or_default();
        for scope in preset.offline.scopes.iter().filter(|_| offline) {
            if !scopes.iter().any(|known| known == scope) {
                scopes.push((*scope).to_owned());
            }
        }
        let params = self.parsed("PARAMS", problems, |text| params(text, preset, offline));
        (problems.len() == before).then_some(())?;
        Some(Provider {
            id: id.to_owned(),
            name: name.unwrap_or_else(|| {
                if preset.name.is_empty() {
                    capitalised(id)
                } else {
                    preset.name.to_owned()
                }
            }),
            preset,
            issuer,
            metadata,
            authorize,
            token,
            userinfo,
            urls,
            scopes,
            offline,
            algorithms,
            audiences: words(audiences.as_deref().unwrap_or_default())
                .map(str::to_owned)
                .collect(),
            params: params.unwrap_or_default(),
            client_id: client_id?.to_owned(),
            secret: secret?,
        })
    }

    fn secret(&self, preset: &Preset, problems: &mut Vec<Problem>) -> Option<ClientSecret> {
        match preset.secret {
            Secret::Text => self
                .required("CLIENT_SECRET", problems)
                .map(|text| ClientSecret::Text(text.into())),
            Secret::Signed(signer) => signer(self, problems).map(ClientSecret::Signed),
        }
    }

    fn issuer(&self, preset: &Preset, problems: &mut Vec<Problem>) -> Option<String> {
        let known = match preset.endpoints {
            Known::Issuer("") => self.required("ISSUER", problems).map(|_| String::new()),
            Known::Issuer(issuer) => Some(issuer.to_owned()),
            Known::Tenants(tenants) => self
                .parsed("TENANT", problems, |tenant| (tenants.issuer)(Some(tenant)))
                .or_else(|| (tenants.issuer)(None).ok()),
            Known::Endpoints { .. } => None,
        };
        self.parsed("ISSUER", problems, |text| {
            let url = address(text)?;
            // OpenID Connect Discovery §3: no query, no fragment.
            if url.query().is_some() || url.fragment().is_some() {
                Err("must have no query and no fragment".to_owned())
            } else {
                Ok(text.to_owned())
            }
        })
        .or(known)
    }
}

fn address(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|_| "is not a URL".to_owned())?;
    if is_safe(&url) && url.username().is_empty() && url.password().is_none() {
        Ok(url)
    } else {
        Err("must be https (plain http only on loopback), without credentials".to_owned())
    }
}

/// The parameters of an authorization request that only this crate may set, whether it sends them or not. With one of
/// them, the request could ask for something other than what the response is taken for, or reveal a secret.
const OURS: [&str; 13] = [
    "response_type",
    "response_mode",
    "client_id",
    "client_secret",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "code_verifier",
    // RFC 9101: these hold all of them at once.
    "request",
    "request_uri",
];

/// Parameters in the format of a form, `k=v&k=v`.
fn params(text: &str, preset: &Preset, offline: bool) -> Result<Vec<(String, String)>, String> {
    let mut found: Vec<(String, String)> = Vec::new();
    for pair in text.split('&') {
        let (name, value) = form_urlencoded::parse(pair.as_bytes())
            .into_owned()
            .next()
            .filter(|(name, _)| !name.is_empty() && pair.contains('='))
            .ok_or("must be parameters, as name=value&name=value")?;
        let of_row = preset.authorize_params.iter().copied();
        let when_offline = preset.offline.params.iter().filter(|_| offline).copied();
        if of_row.chain(when_offline).any(|(ours, _)| ours == name) || OURS.contains(&name.as_str()) {
            return Err("must not contain a parameter that the application sets itself".to_owned());
        }
        // RFC 6749 §3.1.
        if found.iter().any(|(other, _)| *other == name) {
            return Err("must not contain a parameter twice".to_owned());
        }
        found.push((name, value));
    }
    Ok(found)
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split([' ', ',']).filter(|word| !word.is_empty())
}

fn capitalised(id: &str) -> String {
    let mut letters = id.chars();
    letters
        .next()
        .map(|first| first.to_ascii_uppercase())
        .into_iter()
        .chain(letters)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::protocol::id_token::Algorithm;

    fn read(pairs: &[(&str, &str)]) -> (Vec<Provider>, Vec<String>) {
        let mut problems = Vec::new();
        let providers = from_vars(&pairs.iter().copied().collect(), &mut problems);
        assert!(
            problems
                .iter()
                .all(|problem| !problem.to_string().contains("hush")),
            "{problems:?}"
        );
        (
            providers,
            problems.into_iter().map(|problem| problem.variable).collect(),
        )
    }

    // wing:github+spotify
    #[test]
    fn a_preset_is_there_when_its_id_and_secret_are() {
        assert!(read(&[]).0.is_empty());
        let (providers, problems) = read(&[
            ("SPOTIFY_CLIENT_ID", "s"),
            ("SPOTIFY_CLIENT_SECRET", "hush"),
            ("GITHUB_CLIENT_ID", "g"),
            ("GITHUB_CLIENT_SECRET", "hush"),
            ("GITHUB_USERINFO_URL", "https://ghe.example/api/v3/user"),
        ]);
        assert!(problems.is_empty());
        assert_eq!(
            providers.iter().map(Provider::id).collect::<Vec<_>>(),
            ["github", "spotify"]
        );
        assert_eq!(
            providers[0].userinfo.as_deref(),
            Some("https://ghe.example/api/v3/user")
        );
        assert!(!format!("{providers:?}").contains("hush"));
    }
    // end wing:github+spotify

    #[test]
    fn one_half_is_a_problem_that_names_the_other() {
        // wing:github
        assert_eq!(read(&[("GITHUB_CLIENT_ID", "g")]).1, ["GITHUB_CLIENT_SECRET"]);
        assert_eq!(read(&[("GITHUB_CLIENT_SECRET", "hush")]).1, ["GITHUB_CLIENT_ID"]);
        // end wing:github
        // wing:apple
        assert_eq!(
            read(&[("APPLE_CLIENT_ID", "a")]).1,
            ["APPLE_TEAM_ID", "APPLE_KEY_ID", "APPLE_PRIVATE_KEY"]
        );
        // end wing:apple
        assert_eq!(
            read(&[("AUTH_PROVIDERS", "acme")]).1,
            ["ACME_CLIENT_ID", "ACME_CLIENT_SECRET", "ACME_ISSUER"]
        );
    }

    #[test]
    fn any_issuer_by_configuration_alone() {
        let (providers, problems) = read(&[
            ("AUTH_PROVIDERS", "my-corp, acme,"),
            ("MY_CORP_ISSUER", "https://login.corp.example/"),
            ("MY_CORP_CLIENT_ID", "c"),
            ("MY_CORP_CLIENT_SECRET", "hush"),
            ("MY_CORP_NAME", " The Corp "),
            ("MY_CORP_SCOPES", "email groups"),
            ("MY_CORP_ALGS", "ES256, EdDSA"),
            ("ACME_ISSUER", "http://127.0.0.1:9/idp"),
            ("ACME_CLIENT_ID", "c"),
            ("ACME_CLIENT_SECRET", "hush"),
        ]);
        assert!(problems.is_empty(), "{problems:?}");
        let [corp, acme] = &providers[..] else {
            panic!("{providers:?}")
        };
        assert_eq!((corp.id(), corp.name()), ("my-corp", "The Corp"));
        assert_eq!(corp.issuer.as_deref(), Some("https://login.corp.example/"));
        assert_eq!(corp.scopes, ["openid", "email", "groups"]);
        assert_eq!(
            corp.algorithms.as_deref(),
            Some(&[Algorithm::Es256, Algorithm::EdDsa][..])
        );
        assert_eq!((acme.name(), &acme.algorithms), ("Acme", &None));
        assert_eq!(acme.callback_path(), "/auth/callback/acme");
    }

    #[test]
    fn all_problems_are_collected() {
        let (providers, problems) = read(&[
            ("AUTH_PROVIDERS", "Acme,a b,x_y,x-y,acme"),
            ("ACME_ISSUER", "http://idp.example"),
            ("ACME_CLIENT_ID", "c"),
            ("ACME_CLIENT_SECRET", "hush"),
            ("ACME_ALGS", "HS256"),
            ("ACME_TOKEN_URL", "hush"),
            ("ACME_AUTH_URL", "javascript:hush"),
            ("X_Y_ISSUER", "https://a.example?x"),
            ("X_Y_CLIENT_ID", "c"),
            ("X_Y_CLIENT_SECRET", "hush"),
            ("MICROSOFT_CLIENT_ID", "c"),        // wing:microsoft
            ("MICROSOFT_CLIENT_SECRET", "hush"), // wing:microsoft
            ("MICROSOFT_TENANT", "a/../b"),      // wing:microsoft
            ("GOOGLE_CLIENT_ID", "c"),           // wing:google
            ("GOOGLE_CLIENT_SECRET", "hush"),    // wing:google
            ("GOOGLE_ALGS", "none"),             // wing:google
        ]);
        assert!(providers.is_empty(), "{providers:?}");
        for variable in [
            "ACME_ISSUER",
            "ACME_ALGS",
            "ACME_TOKEN_URL",
            "ACME_AUTH_URL",
            "X_Y_ISSUER",
            "MICROSOFT_TENANT", // wing:microsoft
            "GOOGLE_ALGS",      // wing:google
        ] {
            assert!(
                problems.iter().any(|found| found == variable),
                "{variable}: {problems:?}"
            );
        }
        // Acme, "a b", and the second of x_y and x-y.
        assert_eq!(
            problems.iter().filter(|found| *found == "AUTH_PROVIDERS").count(),
            3
        );
        assert_eq!(read(&[("AUTH_PROVIDERS", "dev")]).1, ["AUTH_PROVIDERS"]); // wing:dev-provider
    }

    // wing:microsoft
    #[test]
    fn refresh_tokens_are_asked_for_on_request_only() {
        let read_with = |more: &[(&str, &str)]| {
            let ids = [("MICROSOFT_CLIENT_ID", "c"), ("MICROSOFT_CLIENT_SECRET", "hush")];
            read(&[&ids, more].concat())
        };
        let scopes = |more: &[(&str, &str)]| read_with(more).0.remove(0).scopes;
        assert_eq!(scopes(&[]), ["openid", "profile", "email"]);
        let offline = ("MICROSOFT_OFFLINE", "1");
        assert_eq!(
            scopes(&[offline]),
            ["openid", "profile", "email", "offline_access"]
        );
        assert_eq!(
            scopes(&[offline, ("MICROSOFT_SCOPES", "offline_access Mail.Read")]),
            ["openid", "offline_access", "Mail.Read"]
        );
        assert_eq!(
            read_with(&[("MICROSOFT_OFFLINE", "hush")]).1,
            ["MICROSOFT_OFFLINE"]
        );
    }

    #[test]
    fn microsoft_asks_the_configured_tenant() {
        let issuer = |more: &[(&str, &str)]| {
            let pairs = [
                &[("MICROSOFT_CLIENT_ID", "c"), ("MICROSOFT_CLIENT_SECRET", "hush")],
                more,
            ]
            .concat();
            read(&pairs).0.remove(0).issuer.unwrap()
        };
        assert_eq!(issuer(&[]), "https://login.microsoftonline.com/common/v2.0");
        let corp = "https://login.microsoftonline.com/corp.example/v2.0";
        assert_eq!(issuer(&[("MICROSOFT_TENANT", "corp.example")]), corp);
        assert_eq!(
            issuer(&[("MICROSOFT_ISSUER", "http://127.0.0.1:9")]),
            "http://127.0.0.1:9"
        );
    }
    // end wing:microsoft

    #[test]
    fn any_provider_can_be_described_further() {
        let acme = |more: &[(&str, &str)]| {
            let pairs = [
                ("AUTH_PROVIDERS", "acme"),
                ("ACME_ISSUER", "https://idp.example"),
                ("ACME_CLIENT_ID", "c"),
                ("ACME_CLIENT_SECRET", "hush"),
            ];
            read(&[&pairs[..], more].concat())
        };
        let (providers, problems) = acme(&[
            ("ACME_METADATA_URL", "https://inside.example/m?p=1"),
            ("ACME_AUDIENCES", "project, account"),
            (
                "ACME_ALGS",
                "RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 EdDSA",
            ),
            (
                "ACME_PARAMS",
                "prompt=select_account&login_hint=a%40b%20c&acr_values=",
            ),
        ]);
        assert!(problems.is_empty(), "{problems:?}");
        let [acme_with_all] = &providers[..] else {
            panic!("{providers:?}")
        };
        assert_eq!(
            acme_with_all.metadata.as_deref(),
            Some("https://inside.example/m?p=1")
        );
        assert_eq!(acme_with_all.audiences, ["project", "account"]);
        assert_eq!(acme_with_all.algorithms.as_deref(), Some(&Algorithm::ALL[..]));
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            acme_with_all.params,
            [
                pair("prompt", "select_account"),
                pair("login_hint", "a@b c"),
                pair("acr_values", "")
            ]
        );
        for (variable, value) in [
            ("ACME_METADATA_URL", "http://inside.example/hush"),
            ("ACME_METADATA_URL", "https://user:hush@inside.example"),
            ("ACME_METADATA_URL", "hush"),
            ("ACME_ALGS", "ES512"),
            ("ACME_PARAMS", "hush"),
            ("ACME_PARAMS", "=hush"),
            ("ACME_PARAMS", "a=1&"),
            ("ACME_PARAMS", "a=1&a=hush"),
        ] {
            assert_eq!(acme(&[(variable, value)]).1, [variable], "{value}");
        }
        for ours in OURS.into_iter().chain(["%73tate"]) {
            let value = format!("prompt=login&{ours}=hush");
            assert_eq!(acme(&[("ACME_PARAMS", &value)]).1, ["ACME_PARAMS"], "{ours}");
        }
        // Reported if a refresh token is wanted.
        let consent = ("ACME_PARAMS", "prompt=select_account");
        assert_eq!(acme(&[consent, ("ACME_OFFLINE", "1")]).1, ["ACME_PARAMS"]);
    }

    // wing:discord+github+google+twitch
    #[test]
    fn a_presets_own_parameters_are_not_replaced_and_plain_ones_have_no_id_token() {
        let with = |id: &str, suffix: &str, value: &str| {
            let prefix = id.to_uppercase();
            let vars = [
                (format!("{prefix}_CLIENT_ID"), "c"),
                (format!("{prefix}_CLIENT_SECRET"), "hush"),
                (format!("{prefix}_{suffix}"), value),
            ];
            let pairs: Vec<(&str, &str)> = vars.iter().map(|(name, value)| (name.as_str(), *value)).collect();
            read(&pairs).1
        };
        assert!(with("google", "PARAMS", "prompt=select_account&hd=corp.example").is_empty());
        assert_eq!(with("discord", "PARAMS", "prompt=consent"), ["DISCORD_PARAMS"]);
        assert_eq!(with("twitch", "PARAMS", "claims={}"), ["TWITCH_PARAMS"]);
        for (suffix, value) in [("METADATA_URL", "https://x.example/m"), ("AUDIENCES", "a")] {
            assert_eq!(with("github", suffix, value), [format!("GITHUB_{suffix}")]);
            assert!(with("google", suffix, value).is_empty());
        }
    }
    // end wing:discord+github+google+twitch

    // wing:google
    #[test]
    fn configured_parameters_leave_alone_what_a_request_says_already() {
        let pairs = [
            ("GOOGLE_CLIENT_ID", "c"),
            ("GOOGLE_CLIENT_SECRET", "hush"),
            ("GOOGLE_PARAMS", "prompt=select_account&hd=corp.example"),
        ];
        let google = read(&pairs).0.remove(0);
        let mut url = Url::parse("https://idp.example/authorize?state=s&prompt=login").unwrap();
        google.add_params(&mut url);
        assert_eq!(url.query(), Some("state=s&prompt=login&hd=corp.example"));
    }

    #[test]
    fn a_preset_needs_no_listing() {
        let pairs = [
            ("AUTH_PROVIDERS", "google"),
            ("GOOGLE_CLIENT_ID", "c"),
            ("GOOGLE_CLIENT_SECRET", "hush"),
        ];
        let (providers, problems) = read(&pairs);
        assert!(providers.len() == 1 && problems.is_empty(), "{problems:?}");
    }
    // end wing:google
}
