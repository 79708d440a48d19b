//! The start of a flow: `POST /auth/login/{provider}`.

use oauth2::{CsrfToken, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope};

use wire::FlowError;

use crate::{
    browser::{Browser, random},
    cookies::{CookieName, Keep},
    oauth::{
        flow::table::{self, LIFETIME, NewFlow},
        outcome::{Intent, Started, Stop, WayBack},
        protocol::{discovery::Endpoints, token},
        providers::{preset::Pkce, provider::Provider},
        state::OAuth,
    },
    return_to::ReturnTo,
    session::RequestAuth,
};

/// What a form asks for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wish<'a> {
    /// What the flow is for.
    pub intent: Intent,
    /// Where to go afterwards, as the form has it.
    pub return_to: Option<&'a str>,
    /// "Keep me signed in".
    pub remember: bool,
}

/// The secrets of one flow.
struct Secrets {
    state: String,
    nonce: Option<String>,
    verifier: Option<String>,
}

impl OAuth {
    /// Begins a flow.
    ///
    /// # Errors
    /// See [`Stop`].
    pub async fn start(
        &self,
        provider: &str,
        wish: Wish<'_>,
        request: &RequestAuth,
    ) -> Result<Started, Stop> {
        let configured = self.configured(provider).ok_or(Stop::UnknownProvider)?;
        let provider = &configured.provider;
        let session = match wish.intent {
            Intent::SignIn => None,
            Intent::Link => Some(request.require_recent().await?.into_live()),
            Intent::Confirm => Some(request.require().await?),
        };
        let failed = |cause: String| {
            tracing::warn!(
                provider = provider.id,
                cause,
                "a provider flow could not be started"
            );
            Stop::failed(FlowError::Provider, cause).leading(WayBack {
                intent: wish.intent,
                return_to: wish.return_to.and_then(ReturnTo::parse),
            })
        };
        let endpoints = configured.endpoints().await.map_err(failed)?;
        let secrets = Secrets {
            state: random(),
            nonce: provider.preset.nonce.then(random),
            verifier: (provider.preset.pkce == Pkce::S256).then(random),
        };
        let extra = match wish.intent {
            Intent::Confirm => provider.preset.fresh.to_vec(),
            Intent::SignIn | Intent::Link => {
                let offline = &provider.preset.offline;
                let again = self.must_agree_again(provider, request).await?;
                let offline_params = offline.params.iter().filter(|_| provider.offline);
                offline_params
                    .chain(offline.again.iter().filter(|_| again))
                    .copied()
                    .collect()
            }
        };
        let authorize_url = self
            .authorize_url(provider, &endpoints, &secrets, &extra)
            .map_err(failed)?;
        let browser = Browser::of_or_new(request.flow_cookie());
        let return_to = wish
            .return_to
            .filter(|text| !text.is_empty())
            .map(|text| ReturnTo::or_default(Some(text)));
        let new = NewFlow {
            state: &secrets.state,
            browser: &browser,
            provider: &provider.id,
            pkce_verifier: secrets.verifier.as_deref(),
            nonce: secrets.nonce.as_deref(),
            return_to: return_to.as_ref(),
            intent: wish.intent,
            remember: wish.remember,
            user_id: session.as_ref().map(|live| live.user_id()),
            session_id: session.as_ref().map(|live| live.session_id()),
        };
        table::insert(&self.0.db, &self.0.keys, new, self.0.clock.now()).await?;
        let flow_cookie = self
            .0
            .cookies
            .set(CookieName::Flow, browser.as_str(), Keep::Seconds(LIFETIME));
        Ok(Started {
            authorize_url,
            flow_cookie,
        })
    }

    /// The authorization request. `extra` is what this one is about, and takes the place of what the row adds to
    /// every request.
    fn authorize_url(
        &self,
        provider: &Provider,
        endpoints: &Endpoints,
        secrets: &Secrets,
        extra: &[(&str, &str)],
    ) -> Result<String, String> {
        let redirect_uri =
            RedirectUrl::new(self.redirect_uri(provider)).map_err(|_| "our own address is not a URL")?;
        let client = token::client(provider, endpoints, redirect_uri);
        let mut request = client
            .authorize_url(|| CsrfToken::new(secrets.state.clone()))
            .add_scopes(provider.scopes.iter().cloned().map(Scope::new));
        if let Some(verifier) = &secrets.verifier {
            let verifier = PkceCodeVerifier::new(verifier.clone());
            request = request.set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
        }
        if let Some(nonce) = &secrets.nonce {
            request = request.add_extra_param("nonce", nonce);
        }
        let usual = provider.preset.authorize_params.iter();
        let usual = usual.filter(|(name, _)| extra.iter().all(|(other, _)| other != name));
        for (name, value) in usual.chain(extra) {
            request = request.add_extra_param(*name, *value);
        }
        let (mut url, _) = request.url();
        provider.add_params(&mut url);
        // A plus in a query is a space in forms only, and Apple is not the one provider that takes it
        // for a plus. What was a plus is `%2B` by now.
        let query = url.query().unwrap_or_default().replace('+', "%20");
        url.set_query(Some(&query));
        Ok(url.into())
    }
}
