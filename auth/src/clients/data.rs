//! What a client keeps of a user: a public and a private bucket of its own for each, apart from the application's.

use http::{Extensions, HeaderMap};
use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use uuid::Uuid;
use wire::Scope;

use super::{Bearing, Clients, Parameters, formats::Kind, registry};
use crate::data::{SecretAccess, private}; // wing:private-data
use crate::{
    client::Client,
    data::{
        Buckets, IfMatch, InClear, public,
        table::{self, Bucket},
        typed,
    },
    db::Tx,
    error::{Error, Result},
    limits::{Action, Subject},
    session::{LiveSession, RequestAuth},
};

/// What a client is told of a user.
#[derive(Debug, Serialize)]
pub struct ClientData {
    /// The public bucket.
    public: Map<String, Value>,
    /// The private bucket, if it was asked for.
    private: Option<Map<String, Value>>,
    /// The user's id.
    user_id: Uuid,
    /// The user's address, or else the id.
    user_identifier: String,
    /// The version of the bucket that the request names.
    #[serde(skip)]
    pub version: i64,
}

/// A bucket as a request names it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Named {
    Public,
    Private, // wing:private-data
}

impl Named {
    fn from_name(name: &str) -> Option<Self> {
        match name {
            "public" => Some(Self::Public),
            "private" => Some(Self::Private), // wing:private-data
            _ => None,
        }
    }

    /// Whether the client must show its secret beside the token, which may be in other hands.
    fn needs_secret(self) -> bool {
        match self {
            Self::Public => false,
            Self::Private => true, // wing:private-data
        }
    }

    fn of(self, user_id: Uuid, client_id: &str) -> Bucket<'_> {
        Bucket {
            user_id,
            client_id,
            name: match self {
                Self::Public => public::BUCKET,
                Self::Private => private::BUCKET, // wing:private-data
            },
        }
    }
}

/// What a request does.
enum Deed {
    Get,
    Update(Value),
    Delete,
}

impl Deed {
    fn of(parameters: &Parameters) -> Result<Self> {
        match parameters.optional("action") {
            Some("get") => Ok(Self::Get),
            Some("update") => {
                let data = parameters.optional("data").ok_or(Error::InvalidInput("data"))?;
                let data = serde_json::from_str(data).map_err(|_| Error::InvalidInput("data"))?;
                Ok(Self::Update(data))
            }
            Some("delete") => Ok(Self::Delete),
            _ => Err(Error::InvalidInput("action")),
        }
    }
}

/// A request by a client with a token of one of its users, before its body is read. It has no Debug, which would show the
/// secret.
pub struct ClientDataRequest {
    client_id: String,
    secret: Option<SecretString>,
    auth: RequestAuth,
}

impl ClientDataRequest {
    /// Whose token it is.
    pub fn user_id(&self) -> Option<Uuid> {
        self.auth.session().map(|session| session.user_id)
    }
}

impl Clients {
    /// Recognises the client and the user by the header `Authorization`, before anything else is looked at.
    ///
    /// # Errors
    /// [`Error::InvalidToken`]; [`Error::TooManyAttempts`]; [`Error::Unavailable`]
    pub async fn data_request(
        &self,
        headers: &HeaderMap,
        extensions: &Extensions,
        secret: Option<&str>,
    ) -> Result<ClientDataRequest> {
        let client = Client::of(headers, extensions);
        let recognised = match self.bearing(headers, extensions).await {
            Ok(Bearing::User(auth)) => match auth.client_id().map(str::to_owned) {
                Some(client_id) => Ok((client_id, auth)),
                None => Err(Error::InvalidToken),
            },
            Ok(Bearing::Itself(..)) => Err(Error::InvalidToken),
            Err(error) => Err(error),
        };
        let (client_id, auth) = self.data_failure_counted(&client, recognised)?;
        Ok(ClientDataRequest {
            client_id,
            secret: secret.map(SecretString::from),
            auth,
        })
    }

    /// A client reads or changes what it keeps of the user whose token it holds.
    ///
    /// # Errors
    /// [`Error::InvalidToken`] for whatever credential is missing or wrong; [`Error::InsufficientScope`];
    /// [`Error::InvalidInput`], [`Error::VersionMismatch`], [`Error::TooLarge`]; [`Error::TooManyAttempts`];
    /// [`Error::Unavailable`]
    // wing:private-data
    /// [`Error::Unopened`]
    // end wing:private-data
    pub async fn user_data(
        &self,
        buckets: &Buckets,
        request: &ClientDataRequest,
        parameters: &Parameters,
        if_match: &IfMatch,
    ) -> Result<ClientData> {
        let allowed = self.may_use_data(request, parameters).await;
        let (named, live) = self.data_failure_counted(request.auth.client(), allowed)?;
        let subject = Subject::ClientUser(request.client_id.clone(), live.user_id());
        self.0.limits.take(Action::ClientDataUser, subject)?;
        let named = named.ok_or(Error::InvalidInput("type"))?;
        let bucket = named.of(live.user_id(), &request.client_id);
        match Deed::of(parameters)? {
            Deed::Get => {}
            Deed::Update(data) => {
                let mut tx = self.writing(&bucket).await?;
                buckets
                    .merge_of_client(&mut tx, &bucket, named, &data, if_match)
                    .await?;
                tx.commit().await?;
            }
            Deed::Delete => {
                let mut tx = self.writing(&bucket).await?;
                buckets.clear_in(&mut tx, &bucket, if_match).await?;
                tx.commit().await?;
            }
        }
        buckets.shown(&live, &request.client_id, named).await
    }

    /// Which bucket is meant, and the live session. Every credential is looked at before the scope, so that the scope tells
    /// nothing to who lacks one.
    async fn may_use_data(
        &self,
        request: &ClientDataRequest,
        parameters: &Parameters,
    ) -> Result<(Option<Named>, LiveSession)> {
        if parameters.optional("client_id") != Some(&request.client_id) {
            return Err(Error::InvalidToken);
        }
        let named = parameters.optional("type").and_then(Named::from_name);
        if named.is_some_and(Named::needs_secret) {
            let secret = request.secret.as_ref().map(ExposeSecret::expose_secret);
            self.prove(&request.client_id, secret).await?;
        }
        let live = match request.auth.require_for(Scope::Data).await {
            Err(Error::NotSignedIn) => return Err(Error::InvalidToken),
            other => other?,
        };
        Ok((named, live))
    }

    /// Counts a request that lacks a credential or the scope, by its sender's address.
    fn data_failure_counted<T>(&self, client: &Client, outcome: Result<T>) -> Result<T> {
        if let Err(Error::InvalidToken | Error::InsufficientScope(_)) = outcome {
            let address = Subject::address(client.limited_address());
            self.0.limits.take(Action::ClientDataFailedAddress, address)?;
        }
        outcome
    }

    /// A transaction that writes to a client's bucket. The client stays until it ends: removing one deletes its data, and a
    /// row that came afterwards would be another client's.
    async fn writing(&self, bucket: &Bucket<'_>) -> Result<Tx> {
        let mut tx = self.0.db.begin().await?;
        if !registry::hold(&mut tx, bucket.client_id).await? {
            return Err(Error::InvalidToken);
        }
        Ok(tx)
    }

    async fn prove(&self, client_id: &str, secret: Option<&str>) -> Result<()> {
        let hash = secret
            .and_then(|secret| Kind::Secret.hash(secret))
            .ok_or(Error::InvalidToken)?;
        match registry::with_proof(&self.0.db, client_id, Some(hash), self.0.clock.now()).await? {
            Some((registration, true)) if registration.confidential => Ok(()),
            _ => Err(Error::InvalidToken),
        }
    }
}

impl Buckets {
    async fn merge_of_client(
        &self,
        tx: &mut Tx,
        bucket: &Bucket<'_>,
        named: Named,
        data: &Value,
        if_match: &IfMatch,
    ) -> Result<()> {
        let merged = match named {
            Named::Public => self.merge_in(tx, bucket, &InClear, data, if_match).await,
            Named::Private => self.merge_sealed(tx, bucket, data, if_match).await, // wing:private-data
        };
        merged.map(drop)
    }

    // wing:private-data
    async fn merge_sealed(
        &self,
        tx: &mut Tx,
        bucket: &Bucket<'_>,
        data: &Value,
        if_match: &IfMatch,
    ) -> Result<(Map<String, Value>, i64)> {
        let sealing = self.sealing_for(bucket.user_id, bucket.client_id);
        self.merge_in(tx, bucket, &sealing, data, if_match).await
    }
    // end wing:private-data

    async fn shown(&self, live: &LiveSession, client_id: &str, named: Named) -> Result<ClientData> {
        let user_id = live.user_id();
        let public = table::read(&self.db, &Named::Public.of(user_id, client_id)).await?;
        let (private, version) = match named {
            Named::Public => (None, public.version),
            Named::Private => self.private_shown(user_id, client_id).await?, // wing:private-data
        };
        Ok(ClientData {
            public: public.data,
            private,
            user_id,
            user_identifier: live.email().map_or_else(|| user_id.to_string(), str::to_owned),
            version,
        })
    }

    /// What a client keeps of a user in its public bucket, for server code.
    ///
    /// # Errors
    /// [`Error::Internal`] if it is not a `T`; [`Error::Unavailable`]
    pub async fn public_of_client<T: DeserializeOwned>(&self, user_id: Uuid, client_id: &str) -> Result<T> {
        let row = table::read(&self.db, &Named::Public.of(user_id, client_id)).await?;
        typed(row.data)
    }

    // wing:private-data
    /// What a client keeps of a user in its private bucket, for server code only.
    ///
    /// # Errors
    /// [`Error::Unopened`]; [`Error::Internal`] if it is not a `T`; [`Error::Unavailable`]
    pub async fn private_of_client<T: DeserializeOwned>(
        &self,
        user_id: Uuid,
        client_id: &str,
        _: &SecretAccess,
    ) -> Result<T> {
        let row = table::read(&self.db, &Named::Private.of(user_id, client_id)).await?;
        typed(self.opened(user_id, client_id, row.data)?)
    }

    /// The private bucket, and its version.
    async fn private_shown(
        &self,
        user_id: Uuid,
        client_id: &str,
    ) -> Result<(Option<Map<String, Value>>, i64)> {
        let row = table::read(&self.db, &Named::Private.of(user_id, client_id)).await?;
        let data = self.opened(user_id, client_id, row.data)?;
        Ok((Some(data), row.version))
    }

    fn opened(
        &self,
        user_id: Uuid,
        client_id: &str,
        stored: Map<String, Value>,
    ) -> Result<Map<String, Value>> {
        use crate::data::AtRest;
        self.sealing_for(user_id, client_id).open(stored)
    }
    // end wing:private-data
}
