//! Taking over a picture from a provider, once its user has signed in.

use axum::body::Bytes;
use url::{Origin, Url};
use uuid::Uuid;

use super::{Change, Pictures, fetch::NotFetched, table};
use crate::error::{Error, chain};

/// Why a picture was not taken over.
#[derive(Debug, thiserror::Error)]
enum NotTaken {
    #[error(transparent)]
    NotFetched(#[from] NotFetched),
    #[error(transparent)]
    Refused(#[from] Error),
}

impl Pictures {
    /// Takes over the picture at the address that a provider names, unless the user has uploaded or removed one, or it is
    /// known. The sign-in does not wait for it: what fails is tried again at the next one.
    ///
    /// `at_home`: where the provider is on this machine, so that the address may be there as well.
    pub(crate) fn follow(&self, user_id: Uuid, source: Option<String>, at_home: Option<Origin>) {
        let Some((url, source)) = source.and_then(|source| Some((Url::parse(&source).ok()?, source))) else {
            return;
        };
        let pictures = self.clone();
        self.0.detached.spawn(async move {
            // Not its path, which may be long, or a secret.
            let shown = url.origin().ascii_serialization();
            match pictures.take_over(user_id, url, &source, at_home.as_ref()).await {
                Ok(true) => tracing::debug!(user = %user_id, "took over a picture from a provider"),
                Ok(false) => {}
                Err(error) => tracing::info!(
                    user = %user_id,
                    address = shown,
                    error = %chain(&error),
                    "a picture at a provider was not taken over"
                ),
            }
        });
    }

    /// Returns whether there is a new picture.
    async fn take_over(
        &self,
        user_id: Uuid,
        url: Url,
        source: &str,
        at_home: Option<&Origin>,
    ) -> Result<bool, NotTaken> {
        let parts = &*self.0;
        if !table::wants(&parts.db, user_id, source).await? {
            return Ok(false);
        }
        let file = parts.fetcher.fetch(url, at_home).await?;
        let place = parts.encoder.place(user_id)?;
        let webp = parts.encoder.encode(place, Bytes::from(file)).await?;
        self.change(user_id, &Change::Fetched(&webp, source)).await?;
        Ok(true)
    }
}
