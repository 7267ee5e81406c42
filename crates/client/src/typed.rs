//! A client whose values are a program's own.
//!
//! It encodes before anything is sent and decodes what was found, by one codec, in one dialect, and
//! compresses if it is told to. Everything else is the client's, and so are the operations on no
//! value at all (delete, touch, counting): [`Typed::client`].
//!
//! # Hard cases
//! - A value that cannot be decoded is an error and no miss: a miss would have the application load
//!   and store over what another program may have written there on purpose. Who wants it otherwise
//!   takes `Err(Error::Decode(_))` for a miss.
//! - One of several such values is the error of its key alone: a value of an older version of the
//!   program must not cost a page all its others.
//! - One of several values that cannot be encoded is the error of them all, and nothing is sent: it
//!   is the program's own fault, and half a write would hide it.

mod loading;

use std::sync::Arc;

use crate::client::Client;
use crate::codec::{Decode, DecodeError, Encode, EncodeError};
use crate::expiry::Expiry;
use crate::flags::Dialect;
use crate::item::Item;
use crate::outcome::{Error, Lookup, Undecodable, Write};
use crate::value::{Cas, Value};

#[cfg(feature = "lz4")]
use crate::compression::Compression;

/// A [`Client`] that reads and writes by a codec: [`Client::typed`]. Cheap to clone.
///
/// It has the deadline and the `on_unavailable` of the client it was made of.
///
/// # Examples
/// ```no_run
/// use std::time::Duration;
///
/// use evenkeel::Client;
/// use evenkeel::codec::Text;
///
/// # async fn run(cache: Client) -> Result<(), Box<dyn std::error::Error>> {
/// let texts = cache.typed(Text);
/// let _ = texts.set("greeting", "hello", Duration::from_secs(60)).await?;
/// let greeting: Option<String> = texts.get("greeting").await?.hit();
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Typed<C> {
    client: Client,
    codec: Arc<C>,
    dialect: Dialect,
    #[cfg(feature = "lz4")]
    compression: Option<Compression>,
}

impl<C> Clone for Typed<C> {
    fn clone(&self) -> Self {
        Self { client: self.client.clone(), codec: Arc::clone(&self.codec), ..*self }
    }
}

impl<C> Typed<C> {
    pub(crate) fn new(client: Client, codec: C) -> Self {
        Self {
            client,
            codec: Arc::new(codec),
            dialect: Dialect::default(),
            #[cfg(feature = "lz4")]
            compression: None,
        }
    }

    /// The client that this was made of.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The same with flags as another client library writes and reads them.
    pub fn dialect(self, dialect: Dialect) -> Self {
        Self { dialect, ..self }
    }

    /// The same with large values compressed, and with those that were compressed so readable.
    #[cfg(feature = "lz4")]
    pub fn compression(self, compression: Compression) -> Self {
        Self { compression: Some(compression), ..self }
    }

    // Reads.

    /// Reads a value.
    ///
    /// # Errors
    /// As [`Client::get`]; or the value cannot be decoded ([`Error::Decode`]).
    pub async fn get<T>(&self, key: impl AsRef<[u8]>) -> Result<Lookup<T>, Error>
    where
        C: Decode<T>,
    {
        let key = key.as_ref();
        let found = self.client.get(key).await?;
        Ok(found.try_map(|value| self.decode(key, value))?)
    }

    /// Reads a value with its token for [`Typed::compare_and_swap`].
    ///
    /// # Errors
    /// As [`Typed::get`].
    pub async fn gets<T>(&self, key: impl AsRef<[u8]>) -> Result<Lookup<(T, Cas)>, Error>
    where
        C: Decode<T>,
    {
        let key = key.as_ref();
        let found = self.client.gets(key).await?;
        Ok(found.try_map(|value| {
            // A response without one is refused before it gets here; no token has this number.
            let cas = value.cas().unwrap_or(Cas::from_raw(0));
            self.decode(key, value).map(|value| (value, cas))
        })?)
    }

    /// Reads a value, and has it live for that long from now on.
    ///
    /// # Errors
    /// As [`Typed::get`]; what cannot be decoded lives on all the same.
    pub async fn get_and_touch<T>(
        &self,
        key: impl AsRef<[u8]>,
        expiry: impl Into<Expiry>,
    ) -> Result<Lookup<T>, Error>
    where
        C: Decode<T>,
    {
        let key = key.as_ref();
        let found = self.client.get_and_touch(key, expiry).await?;
        Ok(found.try_map(|value| self.decode(key, value))?)
    }

    /// Reads several values at once: what became of each key, in their order. A value that cannot
    /// be decoded is the error of its own key only.
    ///
    /// # Errors
    /// As [`Client::get_many`].
    pub async fn get_many<T, K: AsRef<[u8]>>(
        &self,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<Vec<Result<Lookup<T>, Undecodable>>, Error>
    where
        C: Decode<T>,
    {
        let keys: Vec<_> = keys.into_iter().collect();
        let found = self.client.get_many(&keys).await?;
        let decode =
            |(key, found): (&K, Lookup)| found.try_map(|value| self.decode(key.as_ref(), value));
        Ok(keys.iter().zip(found).map(decode).collect())
    }

    // Writes.

    /// Stores a value.
    ///
    /// # Errors
    /// As [`Client::set`]; or the value cannot be encoded ([`Error::Encode`]). Nothing was sent
    /// then.
    pub async fn set<T: ?Sized>(
        &self,
        key: impl AsRef<[u8]>,
        value: &T,
        expiry: impl Into<Expiry>,
    ) -> Result<Write, Error>
    where
        C: Encode<T>,
    {
        let encoded = self.encode(value)?;
        self.client.set(key, encoded.item(), expiry).await
    }

    /// Stores a value if there is none: [`Write::NotStored`] if there is.
    ///
    /// # Errors
    /// As [`Typed::set`].
    pub async fn add<T: ?Sized>(
        &self,
        key: impl AsRef<[u8]>,
        value: &T,
        expiry: impl Into<Expiry>,
    ) -> Result<Write, Error>
    where
        C: Encode<T>,
    {
        let encoded = self.encode(value)?;
        self.client.add(key, encoded.item(), expiry).await
    }

    /// Stores a value if there is one: [`Write::NotStored`] if there is none.
    ///
    /// # Errors
    /// As [`Typed::set`].
    pub async fn replace<T: ?Sized>(
        &self,
        key: impl AsRef<[u8]>,
        value: &T,
        expiry: impl Into<Expiry>,
    ) -> Result<Write, Error>
    where
        C: Encode<T>,
    {
        let encoded = self.encode(value)?;
        self.client.replace(key, encoded.item(), expiry).await
    }

    /// Stores a value in place of the one that the token was given with:
    /// [`Client::compare_and_swap`].
    ///
    /// # Errors
    /// As [`Typed::set`].
    pub async fn compare_and_swap<T: ?Sized>(
        &self,
        key: impl AsRef<[u8]>,
        value: &T,
        expiry: impl Into<Expiry>,
        cas: Cas,
    ) -> Result<Write, Error>
    where
        C: Encode<T>,
    {
        let encoded = self.encode(value)?;
        self.client.compare_and_swap(key, encoded.item(), expiry, cas).await
    }

    /// Stores several values at once: what became of each, in their order.
    ///
    /// # Errors
    /// As [`Typed::set`], of any of them. If one cannot be encoded, nothing at all is sent.
    pub async fn set_many<'a, T: ?Sized + 'a, K: AsRef<[u8]>>(
        &self,
        values: impl IntoIterator<Item = (K, &'a T)>,
        expiry: impl Into<Expiry>,
    ) -> Result<Vec<Write>, Error>
    where
        C: Encode<T>,
    {
        let encode = |(key, value): (K, &T)| Ok((key, self.encode(value)?));
        let encoded: Vec<_> = values.into_iter().map(encode).collect::<Result<_, EncodeError>>()?;
        let items = encoded.iter().map(|(key, encoded)| (key, encoded.item()));
        self.client.set_many(items, expiry).await
    }

    // Values.

    /// What is stored for a value.
    pub(crate) fn encode<T: ?Sized>(&self, value: &T) -> Result<Encoded, EncodeError>
    where
        C: Encode<T>,
    {
        let mut bytes = Vec::new();
        let flags = self.codec.encode(value, self.dialect, &mut bytes)?;
        #[cfg(feature = "lz4")]
        if let Some(compression) = &self.compression
            && let Some((flags, bytes)) = compression.compress(flags, &bytes, self.dialect)
        {
            return Ok(Encoded { flags, bytes });
        }
        Ok(Encoded { flags, bytes })
    }

    /// The value that was stored as `value` under `key`.
    pub(crate) fn decode<T>(&self, key: &[u8], value: Value) -> Result<T, Undecodable>
    where
        C: Decode<T>,
    {
        self.read(value).map_err(|source| {
            let key = String::from_utf8_lossy(key).into_owned();
            Undecodable { key, source }
        })
    }

    fn read<T>(&self, value: Value) -> Result<T, DecodeError>
    where
        C: Decode<T>,
    {
        self.codec.decode(self.decompress(value)?, self.dialect)
    }

    #[cfg(feature = "lz4")]
    fn decompress(&self, value: Value) -> Result<Value, DecodeError> {
        match &self.compression {
            Some(compression) => {
                compression.decompress(value, self.dialect).map_err(DecodeError::other)
            }
            None => Ok(value),
        }
    }

    #[cfg(not(feature = "lz4"))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "as with the feature lz4")]
    fn decompress(&self, value: Value) -> Result<Value, DecodeError> {
        Ok(value)
    }
}

/// A value as it is stored.
#[derive(Debug)]
pub(crate) struct Encoded {
    flags: u32,
    bytes: Vec<u8>,
}

impl Encoded {
    pub(crate) fn item(&self) -> Item<'_> {
        Item { bytes: &self.bytes, flags: self.flags }
    }
}
