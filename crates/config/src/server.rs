//! One server of a pool: an address in quotes, or a table.

use evenkeel_core::config::{ServerAddress, ServerAddressError, ServerConfig, ServerName};
use evenkeel_core::distribution::Weight;

use super::reading::{Expected, Found, Reading, Unreadable};
use super::section::Section;

/// Reads an element of `servers`.
pub(super) fn read_server(found: &Found<'_>, reading: &mut Reading) -> ServerConfig {
    if let Some(table) = found.value.as_table() {
        let table = (table, found.path.clone(), "pool.NAME.servers");
        Section::read(table, reading, read_table)
    } else {
        let address = reading.parsed(found, ADDRESS, read_address);
        ServerConfig::new(address.unwrap_or_else(stand_in))
    }
}

const ADDRESS: Expected<'_> =
    Expected { kind: "an address in quotes, or a table,", example: "\"10.0.0.1:11211\"" };

fn read_table(section: &mut Section<'_, '_>) -> ServerConfig {
    let summary = "A host, and a port if it is not 11211; required.";
    let expected = Expected { kind: "a string", example: "\"10.0.0.1:11211\"" };
    let address = section.parsed("address", summary, expected, read_address);
    section.require("address", "address = \"10.0.0.1:11211\"");
    let weight = section.count(ServerConfig::WEIGHT);
    ServerConfig {
        name: read_name(section),
        weight: Weight::try_from(weight).expect("the setting's range is the type's"),
        ..ServerConfig::new(address.unwrap_or_else(stand_in))
    }
}

fn read_name(section: &mut Section<'_, '_>) -> Option<ServerName> {
    let summary = "Up to 253 bytes without blanks; the address by default.";
    let expected = Expected { kind: "a string", example: "\"cache-1\"" };
    section.parsed("name", summary, expected, |text| {
        text.parse().map_err(|error| Unreadable {
            problem: format!("{text:?} is not the name of a server: {error}"),
            remedy: "write up to 253 characters without blanks".to_owned(),
        })
    })
}

fn read_address(text: &str) -> Result<ServerAddress, Unreadable> {
    text.parse().map_err(|error| Unreadable {
        problem: format!("{text:?} is not the address of a server: {error}"),
        remedy: remedy(text, &error),
    })
}

/// Keeps the place of a server that could not be read, so that the others keep theirs.
///
/// Two of them look like one server twice; that is not reported, as both are faulty already.
fn stand_in() -> ServerAddress {
    "unreadable".parse().expect("a plain word is a host")
}

fn remedy(text: &str, error: &ServerAddressError) -> String {
    match error {
        ServerAddressError::Colons => match twemproxy_server(text) {
            Some(table) => format!("write {table}"),
            None => format!("write an IPv6 address in brackets, as in \"[{text}]:11211\""),
        },
        ServerAddressError::Port(_) => "write host:port, or the host alone for 11211".to_owned(),
        ServerAddressError::Ipv6(_) => {
            "write \"[2001:db8::1]:11211\" or \"10.0.0.1:11211\"".to_owned()
        }
        ServerAddressError::NoHost
        | ServerAddressError::HostCharacter(_)
        | ServerAddressError::HostTooLong(_) => {
            "write host:port, as in \"10.0.0.1:11211\"".to_owned()
        }
        ServerAddressError::Unix => {
            "let the server listen on loopback, and write host:port".to_owned()
        }
    }
}

/// `host:port:weight` or `host:port:weight name`, as twemproxy has it, in our words.
fn twemproxy_server(text: &str) -> Option<String> {
    let (place, name) =
        text.split_once(' ').map_or((text, None), |(place, name)| (place, Some(name)));
    let (address, weight) = place.rsplit_once(':')?;
    let address: ServerAddress = address.parse().ok()?;
    let weight: u32 = weight.parse().ok()?;
    let name = name.map(|name| format!(", name = {name:?}")).unwrap_or_default();
    Some(format!("{{ address = \"{address}\"{name}, weight = {weight} }}"))
}
