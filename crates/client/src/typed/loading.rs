//! Cache-aside for values of a program's own types.

use std::future::Future;

use crate::codec::{Codec, DecodeError, EncodeError};
use crate::loading::{Absence, LoadError, LoadPolicy, Loaded, Shape};
use crate::typed::Typed;
use crate::value::Value;

impl<C> Typed<C> {
    /// The value of a key: from the cache, or from `loader`, which then is stored. All is as with
    /// [`Client::get_or_load`](crate::Client::get_or_load).
    ///
    /// A value that cannot be decoded is loaded anew, as one that is not there.
    ///
    /// # Errors
    /// As there; and [`LoadError`] for a value that cannot be encoded.
    pub async fn get_or_load<T, E, F, Fut>(
        &self,
        key: impl AsRef<[u8]>,
        policy: impl Into<LoadPolicy>,
        loader: F,
    ) -> Result<Loaded<T>, LoadError<E>>
    where
        C: Codec<T> + Send + Sync + 'static,
        E: Send + Sync + 'static,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
    {
        let loader = || async { loader().await.map(Some) };
        let (policy, how) = (policy.into(), (self.clone(), Absence::Refused));
        let found = self.client().load_as(key.as_ref(), &policy, how, loader).await?;
        Ok(found.map(|value| value.expect("absence is neither loaded nor accepted")))
    }

    /// As [`Typed::get_or_load`], where there may be none: that is cached too, for
    /// [`LoadPolicy::absent_ttl`].
    ///
    /// # Errors
    /// As [`Typed::get_or_load`].
    pub async fn get_or_load_option<T, E, F, Fut>(
        &self,
        key: impl AsRef<[u8]>,
        policy: impl Into<LoadPolicy>,
        loader: F,
    ) -> Result<Loaded<Option<T>>, LoadError<E>>
    where
        C: Codec<T> + Send + Sync + 'static,
        E: Send + Sync + 'static,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<Option<T>, E>> + Send + 'static,
    {
        let (policy, how) = (policy.into(), (self.clone(), Absence::Accepted));
        self.client().load_as(key.as_ref(), &policy, how, loader).await
    }
}

impl<C: Codec<T> + Send + Sync + 'static, T> Shape<T> for Typed<C> {
    fn encode(&self, value: &T) -> Result<Value, EncodeError> {
        let encoded = self.encode(value)?;
        Ok(Value::new(encoded.flags, encoded.bytes))
    }

    fn decode(&self, value: Value) -> Result<T, DecodeError> {
        self.read(value)
    }
}
