//! Values of a type of their own; all else is in `tests/loading.rs`.

use evenkeel_lab::server::{Config, Server};

use super::*;

/// Numbers as digits.
#[derive(Clone)]
struct Digits;

impl Shape<u64> for Digits {
    fn encode(&self, value: &u64) -> Result<Value, EncodeError> {
        match *value {
            0 => Err(EncodeError::other("0 is not written")),
            value => Ok(Value::from(value.to_string())),
        }
    }

    fn decode(&self, value: Value) -> Result<u64, DecodeError> {
        let text = std::str::from_utf8(value.bytes()).map_err(DecodeError::other)?;
        text.parse().map_err(DecodeError::other)
    }
}

const POLICY: LoadPolicy = LoadPolicy::new(Duration::from_mins(5));

async fn load(client: &Client, number: u64) -> Result<Loaded<Option<u64>>, LoadError<()>> {
    let loader = move || async move { Ok(Some(number)) };
    client.load_as(b"k", &POLICY, (Digits, Absence::Refused), loader).await
}

async fn client(server: &Server) -> Client {
    Client::connect([server.addr().to_string()]).await.expect("a valid address")
}

#[tokio::test]
async fn a_cached_value_that_cannot_be_read_is_loaded_and_replaced() {
    let server = Server::start(Config::default()).unwrap();
    let client = client(&server).await;
    let _ = client.set("k", "not a number", POLICY.kept()).await.unwrap();
    let found = load(&client, 7).await.unwrap();
    assert_eq!((found.value, found.source), (Some(7), Source::Loaded(Storing::Stored)));
    let found = load(&client, 8).await.unwrap();
    assert_eq!((found.value, found.source), (Some(7), Source::Cache));
}

#[tokio::test]
async fn what_cannot_be_written_is_an_error_and_holds_nobody_up() {
    let server = Server::start(Config::default()).unwrap();
    let client = client(&server).await;
    let error = load(&client, 0).await.unwrap_err();
    assert!(matches!(error, LoadError::Encode(_)), "{error:?}");
    assert_eq!(server.item_count(), 0);
    assert_eq!(load(&client, 1).await.unwrap().value, Some(1));
}
