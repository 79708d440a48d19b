//! The end of a flow: `GET /auth/callback/{provider}`.

use wire::FlowError;

use crate::{
    browser::Browser,
    error::Error,
    oauth::{
        flights::Landed,
        flow::{
            arrival::Arrival,
            callback::Callback,
            table::{self, Flow},
        },
        outcome::{Ended, Finished, Stop, WayBack},
        providers::provider::Provider,
        state::{Configured, OAuth},
    },
    session::{Repeated, RequestAuth},
};

/// How long a callback that comes once more is answered like the first, in seconds.
const REPEATED: i64 = 60;

impl OAuth {
    /// Ends a flow: signs in, connects, confirms, or fails. `query` is the address's, as it came.
    ///
    /// The work goes on to its end when the caller goes away. The same browser's same callback joins it, and for
    /// a minute is answered like it.
    ///
    /// # Errors
    /// See [`Stop`].
    pub async fn finish(&self, provider: &str, query: &str, request: &RequestAuth) -> Result<Finished, Stop> {
        let configured = self.configured(provider).ok_or(Stop::UnknownProvider)?;
        let Some(browser) = Browser::of(request.flow_cookie()) else {
            // It has no flow, so there is no work to join.
            return self.end(configured, query, request, None).await.cargo.result;
        };
        let detached = request.detached();
        let mut is_first = false;
        let work = || {
            is_first = true;
            let (oauth, request) = (self.clone(), detached.clone());
            let (provider, query, browser) = (provider.to_owned(), query.to_owned(), browser.clone());
            async move {
                match oauth.configured(&provider) {
                    Some(configured) => oauth.end(configured, &query, &request, Some(&browser)).await,
                    None => passing(Err(Stop::UnknownProvider)),
                }
            }
        };
        let key = browser.key_of(provider, query);
        let ended = configured.callbacks.join(key, self.0.clock.unix(), work).await?;
        if is_first {
            request.take_over(&detached);
            return ended.result.clone();
        }
        let Some(given) = ended.given else {
            return ended.result.clone();
        };
        match request.repeat(given).await {
            Ok(Repeated::Given | Repeated::Same) => ended.result.clone(),
            Ok(Repeated::Another) => Ok(Finished::AlreadySignedIn),
            // Signed out since, or ended by another: what the first was given opens nothing any more.
            Err(Error::NotSignedIn) => {
                let callback = Callback::parse(query);
                self.without_flow(&configured.provider, &callback, request, Some(&browser))
                    .await
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Does the work of a callback; its result is kept if the flow was this browser's.
    async fn end(
        &self,
        configured: &Configured,
        query: &str,
        request: &RequestAuth,
        browser: Option<&Browser>,
    ) -> Landed<Ended> {
        let provider = &configured.provider;
        let callback = Callback::parse(query);
        let flow = match self.take(&callback).await {
            Ok(Some(flow)) => flow,
            Ok(None) => return passing(self.without_flow(provider, &callback, request, browser).await),
            Err(error) => return passing(Err(error.into())),
        };
        let way_back = flow.way_back(&self.0.keys);
        if flow.was_left() {
            return passing(Err(expired(provider, "its browser has signed out", way_back)));
        }
        let browser = match flow.owner(browser, &provider.id) {
            Ok(browser) => browser,
            // Nothing of the flow goes to a browser it does not belong to.
            Err(cause) => return passing(Err(expired(provider, cause, WayBack::default()))),
        };
        let completed = if flow.has_expired(self.0.clock.now()) {
            Err(Stop::failed(FlowError::Expired, "the flow has expired"))
        } else {
            let arrival = Arrival {
                oauth: self,
                configured,
                request,
                browser,
                flow: &flow,
            };
            arrival.complete(callback).await
        };
        let result = match completed {
            Ok(()) => Ok(Finished::Done(way_back)),
            // wing:second-factors
            Err(Stop::Error(error)) if matches!(*error, Error::SecondFactorRequired) => {
                Ok(Finished::HalfWay(way_back))
            }
            // end wing:second-factors
            Err(Stop::Error(error)) => return passing(Err(Stop::Error(error))),
            Err(stop) => Err(log(provider, stop.leading(way_back))),
        };
        Landed {
            cargo: Ended {
                result,
                given: request.given(),
            },
            until: Some(self.0.clock.unix() + REPEATED),
        }
    }

    /// Uses up the callback's flow: before the callback is judged, and before the provider is asked.
    async fn take(&self, callback: &Callback) -> Result<Option<Flow>, Error> {
        let mut found = None;
        for state in &callback.states {
            found = table::consume(&self.0.db, state).await?.or(found);
        }
        Ok(found)
    }

    /// Ends a callback without a flow: one whose flow is used up, or was swept, or never was.
    async fn without_flow(
        &self,
        provider: &Provider,
        callback: &Callback,
        request: &RequestAuth,
        browser: Option<&Browser>,
    ) -> Result<Finished, Stop> {
        if request.session().is_some() && callback.outcome.is_ok() {
            return Ok(Finished::AlreadySignedIn);
        }
        // Where it would have led, if this browser began it within the hour.
        let way_back = match (browser, callback.states.first()) {
            (Some(browser), Some(state)) => {
                table::way_back(&self.0.db, &self.0.keys, state, browser, self.0.clock.now()).await?
            }
            _ => None,
        };
        Err(expired(
            provider,
            "there is no such flow",
            way_back.unwrap_or_default(),
        ))
    }

    /// Where a callback that came as a form is sent on to. The form came from another site and so without
    /// our cookies; the address it is sent on to is visited with them. Changes nothing.
    ///
    /// # Errors
    /// [`Stop::UnknownProvider`], [`Stop::NotByForm`].
    pub fn repost(&self, provider: &str, form_body: &str) -> Result<String, Stop> {
        let Configured { provider, .. } = self.configured(provider).ok_or(Stop::UnknownProvider)?;
        if !provider.preset.form_post {
            return Err(Stop::NotByForm);
        }
        Ok(format!(
            "{}?{}",
            provider.callback_path(),
            Callback::parse(form_body).to_query()
        ))
    }
}

/// A result for this request alone, which no later one is given.
fn passing(result: Result<Finished, Stop>) -> Landed<Ended> {
    let cargo = Ended { result, given: None };
    Landed { cargo, until: None }
}

fn expired(provider: &Provider, cause: &str, way_back: WayBack) -> Stop {
    log(
        provider,
        Stop::failed(FlowError::Expired, cause).leading(way_back),
    )
}

/// Logs why a flow failed.
fn log(provider: &Provider, stop: Stop) -> Stop {
    if let Stop::Failed { error, cause, .. } = &stop {
        tracing::warn!(
            provider = provider.id,
            error = error.code(),
            cause,
            "a provider flow failed"
        );
    }
    stop
}
