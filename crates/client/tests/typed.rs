//! Values of a program's own, on embedded servers.

use std::convert::Infallible;
use std::time::Duration;

use evenkeel::codec::{Integer, Text};
use evenkeel::{Client, Dialect, Error, Lookup, Write};
use evenkeel_lab::server::{Config, Server};

const HOUR: Duration = Duration::from_hours(1);

async fn start() -> (Server, Client) {
    let server = Server::start(Config::default()).expect("loopback has free ports");
    let client = Client::connect([server.addr().to_string()]).await.expect("a valid address");
    (server, client)
}

#[tokio::test]
async fn values_are_written_and_read_by_the_codec() {
    let (_server, client) = start().await;
    let texts = client.typed(Text);
    assert_eq!(texts.set("a", "käse", HOUR).await.unwrap(), Write::Done);
    assert_eq!(texts.get("a").await.unwrap(), Lookup::Hit("käse".to_owned()));
    assert_eq!(texts.get_and_touch("a", HOUR).await.unwrap(), Lookup::Hit("käse".to_owned()));
    assert_eq!(texts.add("a", "x", HOUR).await.unwrap(), Write::NotStored);
    assert_eq!(texts.replace("b", "x", HOUR).await.unwrap(), Write::NotStored);
    assert_eq!(texts.get::<String>("b").await.unwrap(), Lookup::Miss);
    let stored = client.get("a").await.unwrap().hit().unwrap();
    assert_eq!((stored.flags(), &stored.bytes()[..]), (16, "käse".as_bytes()));
}

#[tokio::test]
async fn a_token_replaces_what_it_was_read_with() {
    let (_server, client) = start().await;
    let numbers = client.typed(Integer);
    let _ = numbers.set("n", &1_u32, HOUR).await.unwrap();
    let (number, cas): (u32, _) = numbers.gets("n").await.unwrap().hit().unwrap();
    let swapped = numbers.compare_and_swap("n", &(number + 1), HOUR, cas).await.unwrap();
    assert_eq!(swapped, Write::Done);
    assert_eq!(numbers.compare_and_swap("n", &9_u32, HOUR, cas).await.unwrap(), Write::Exists);
    assert_eq!(numbers.get::<u32>("n").await.unwrap(), Lookup::Hit(2));
    assert_eq!(numbers.client().increment("n", 1).await.unwrap().now(), Some(3));
}

#[tokio::test]
async fn a_value_that_cannot_be_decoded_is_an_error_with_its_key() {
    let (_server, client) = start().await;
    let _ = client.set("n:1", "ten", HOUR).await.unwrap();
    let error = client.typed(Integer).get::<u32>("n:1").await.unwrap_err();
    assert!(matches!(&error, Error::Decode(it) if it.key == "n:1"), "{error}");
    assert!(error.to_string().starts_with("the value of \"n:1\" cannot be read: "), "{error}");
}

#[tokio::test]
async fn of_many_values_one_that_cannot_be_decoded_is_its_own_keys_error() {
    let (_server, client) = start().await;
    let numbers = client.typed(Integer);
    let stored = numbers.set_many([("a", &1_u32), ("b", &2)], HOUR).await.unwrap();
    assert_eq!(stored, [Write::Done; 2]);
    let _ = client.set("c", "three", HOUR).await.unwrap();
    let found = numbers.get_many::<u32, _>(["a", "c", "missing", "b"]).await.unwrap();
    let [a, c, missing, b] = &found[..] else { panic!("{} of 4", found.len()) };
    assert_eq!(*a.as_ref().unwrap(), Lookup::Hit(1));
    assert_eq!(c.as_ref().unwrap_err().key, "c");
    assert_eq!(*missing.as_ref().unwrap(), Lookup::Miss);
    assert_eq!(*b.as_ref().unwrap(), Lookup::Hit(2));
}

#[tokio::test]
async fn of_many_values_none_is_sent_if_one_cannot_be_encoded() {
    let (server, client) = start().await;
    // Larger than what a Java program takes for a long.
    let numbers = client.typed(Integer).dialect(Dialect::SpyMemcached);
    let error = numbers.set_many([("a", &1_u64), ("b", &u64::MAX)], HOUR).await.unwrap_err();
    assert!(matches!(error, Error::Encode(_)), "{error}");
    assert_eq!(server.item_count(), 0);
}

#[tokio::test]
async fn flags_are_those_of_the_dialect() {
    let (_server, client) = start().await;
    let numbers = client.typed(Integer).dialect(Dialect::PhpMemcached);
    let _ = numbers.set("n", &7_u8, HOUR).await.unwrap();
    assert_eq!(client.get("n").await.unwrap().hit().unwrap().flags(), 1);
    assert_eq!(numbers.clone().get::<u8>("n").await.unwrap(), Lookup::Hit(7));
    let ours = client.typed(Integer);
    assert!(matches!(ours.get::<u8>("n").await, Err(Error::Decode(_))));
}

#[cfg(feature = "lz4")]
#[tokio::test]
async fn large_values_are_compressed_and_read_again() {
    use evenkeel::Compression;

    let (_server, client) = start().await;
    let plain = client.typed(Text);
    let texts = plain.clone().compression(Compression::default());
    let long = "to and fro, ".repeat(1000);
    let _ = texts.set("long", &*long, HOUR).await.unwrap();
    let _ = texts.set("short", "to", HOUR).await.unwrap();
    assert!(client.get("long").await.unwrap().hit().unwrap().bytes().len() < 1000);
    assert_eq!(texts.get("long").await.unwrap(), Lookup::Hit(long));
    assert_eq!(plain.get("short").await.unwrap(), Lookup::Hit("to".to_owned()));
    assert!(matches!(plain.get::<String>("long").await, Err(Error::Decode(_))));
    let raw = client.get("long").await.unwrap().hit().unwrap();
    let broken = evenkeel::Value::new(raw.flags(), raw.bytes().slice(..20));
    let _ = client.set("broken", &broken, HOUR).await.unwrap();
    let error = texts.get::<String>("broken").await.unwrap_err();
    assert!(error.to_string().contains("marked as compressed"), "{error}");
}

#[test]
fn operations_may_move_between_threads() {
    fn check<T: Send>(_: &T) {}
    async fn every(texts: evenkeel::Typed<Text>) {
        let _ = texts.get::<String>("a").await;
        let _ = texts.get_many::<String, _>(["a"]).await;
        let _ = texts.set("a", "b", HOUR).await;
        let _ = texts.set_many([("a", "b")], HOUR).await;
    }
    fn of(texts: evenkeel::Typed<Text>) {
        check(&every(texts));
    }
    let _ = of;
}

#[tokio::test]
async fn a_value_that_is_not_there_is_loaded_and_stored_by_the_codec() {
    let (_server, client) = start().await;
    let numbers = client.typed(Integer);
    let load = || async { Ok::<u32, Infallible>(7) };
    let first = numbers.get_or_load("n", HOUR, load).await.unwrap();
    assert_eq!((first.value, first.source.label()), (7, "loaded"));
    let other = || async { Ok::<u32, Infallible>(8) };
    let second = numbers.get_or_load("n", HOUR, other).await.unwrap();
    assert_eq!((second.value, second.source.label()), (7, "cache"));
    assert_eq!(numbers.get::<u32>("n").await.unwrap(), Lookup::Hit(7));
    let none = || async { Ok::<Option<u32>, Infallible>(None) };
    assert_eq!(numbers.get_or_load_option("m", HOUR, none).await.unwrap().value, None);
}
