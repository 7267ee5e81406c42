//! Several keys at once.

use evenkeel_core::call::CallResult;
use evenkeel_core::config::OnUnavailable;
use evenkeel_core::protocol::request::{Keys, Request, Retrieval, StoreOp};

use super::results::{bodies, found, lookup, without_absence, write};
use super::{Client, checked, exptime};
use crate::item::Item;
use crate::outcome::{Error, Lookup, Outcome, Write};
#[cfg(feature = "tracing")]
use crate::span;
use crate::{Expiry, key};

impl Client {
    /// Reads several values at once: what became of each key, in their order.
    ///
    /// The keys of a server that cannot answer are unavailable; the others are not held up.
    ///
    /// # Errors
    /// One of the keys is invalid (nothing is sent then); or as the type says, if any is
    /// unavailable.
    pub async fn get_many<K: AsRef<[u8]>>(
        &self,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<Vec<Lookup>, Error> {
        let mut joined = Vec::new();
        let mut len = 0;
        for key in keys {
            key::check(key.as_ref())?;
            if len > 0 {
                joined.push(b' ');
            }
            joined.extend_from_slice(key.as_ref());
            len += 1;
        }
        if len == 0 {
            return Ok(Vec::new());
        }
        let keys = Keys::from_checked(&joined, len);
        let result = self.call(&Request::Retrieve { how: Retrieval::Get, keys }).await?;
        let mut lookups = Vec::with_capacity(len);
        match result {
            CallResult::Parts(mut split) => {
                let bodies = bodies(&mut split);
                let mut first_error = None;
                split.take_places(|place| match found(place, &bodies) {
                    Ok(lookup) => lookups.push(lookup),
                    Err(error) => first_error = first_error.take().or(Some(error)),
                });
                self.inner.engine.recycle(CallResult::Parts(split));
                if let Some(error) = first_error {
                    return Err(error.into());
                }
            }
            single => lookups.push(without_absence(lookup(single)?)),
        }
        if self.on_unavailable == OnUnavailable::Error
            && let Some(why) = lookups.iter().find_map(Outcome::unavailable)
        {
            return Err(Error::Unavailable(why));
        }
        Ok(lookups)
    }

    /// Stores several values at once: what became of each, in their order.
    ///
    /// # Errors
    /// As [`Client::set`], of any of them. Of invalid ones nothing at all is sent.
    pub async fn set_many<'a, K: AsRef<[u8]>, I: Into<Item<'a>>>(
        &self,
        items: impl IntoIterator<Item = (K, I)>,
        expiry: impl Into<Expiry>,
    ) -> Result<Vec<Write>, Error> {
        let exptime = exptime(expiry);
        let items: Vec<_> = items.into_iter().map(|(key, item)| (key, item.into())).collect();
        let requests = items
            .iter()
            .map(|(key, item)| self.storing(StoreOp::Set, key.as_ref(), *item, exptime));
        self.write_all(requests.collect::<Result<Vec<_>, _>>()?).await
    }

    /// Deletes several values at once: what became of each, in their order.
    ///
    /// # Errors
    /// As [`Client::delete`], of any of them. Of invalid ones nothing at all is sent.
    pub async fn delete_many<K: AsRef<[u8]>>(
        &self,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<Vec<Write>, Error> {
        let keys: Vec<_> = keys.into_iter().collect();
        let requests = keys
            .iter()
            .map(|key| Ok(Request::Delete { key: checked(key.as_ref())?, noreply: false }));
        self.write_all(requests.collect::<Result<Vec<_>, Error>>()?).await
    }

    async fn write_all(&self, requests: Vec<Request<'_>>) -> Result<Vec<Write>, Error> {
        let keys = requests.iter().filter_map(Request::key);
        let _writing: Vec<_> = keys.map(|key| self.inner.register.begin_write(key)).collect();
        tokio::task::coop::consume_budget().await;
        #[cfg(feature = "tracing")]
        let span = span::open(&requests);
        let calls: Vec<_> = self.inner.engine.call_all(&requests, self.deadline).collect();
        let writes = async {
            let mut writes = Vec::with_capacity(calls.len());
            for call in calls {
                writes.push(write(call.await.ok_or(Error::Closed)?)?);
            }
            Ok::<_, Error>(writes)
        };
        #[cfg(feature = "tracing")]
        let writes = span::within(span, writes, span::note_writes);
        let writes = writes.await?;
        if self.on_unavailable == OnUnavailable::Error
            && let Some(why) = writes.iter().find_map(Outcome::unavailable)
        {
            return Err(Error::Unavailable(why));
        }
        Ok(writes)
    }
}
