//! What is examined: arguments become servers, each once, and running proxies.
//!
//! | argument | what it means |
//! |---|---|
//! | `memcached://…`, `redis://…`, `rediss://…` | a server |
//! | `FILE.toml`, or a file that is there | a configuration: all its servers |
//! | `http://address[:port]` | a running proxy's admin API: its view, its servers, its listeners |
//! | `address:port` | the same, if an admin API answers there |
//! | nothing | the running proxy at the usual address, if it answers |
//!
//! All that is wrong with arguments is told at once. No password is repeated.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use evenkeel_core::config::{Config, ServerAddress};
use evenkeel_doctor::facts::{Group, Member, Says};
use evenkeel_doctor::{Examination, Options, Target, examine};

use super::password;
use super::proxies;
use super::roster::Roster;
use crate::admin::{Admin, AdminError, Token};
use crate::args::DoctorArgs;
use crate::failure::Failure;

/// What is examined, each time anew.
pub(super) struct Sought {
    roster: Roster,
    /// The pools of configurations.
    groups: Vec<Group>,
    proxies: Vec<Admin>,
}

impl Sought {
    /// What the arguments mean. Only what may be a running proxy is asked, whether it is one.
    pub(super) fn of(args: &DoctorArgs) -> Result<Self, Failure> {
        let mut reading = Reading::default();
        let password = reading.ok(password::find(args.password_file.as_deref()));
        let token =
            reading.ok(Token::find(args.token_file.as_deref()).map_err(|it| it.to_string()));
        reading.token = token.flatten();
        reading.password = password.flatten();
        for text in &args.targets {
            reading.read(text);
        }
        reading.ask();
        if args.targets.is_empty() {
            reading.find_usual();
        }
        let Reading { roster, groups, proxies, faults, .. } = reading;
        match &faults[..] {
            [] => Ok(Self { roster, groups, proxies }),
            faults => Err(Failure::NotExamined(faults.join("\nevenkeel: "))),
        }
    }

    /// Examines all of it.
    pub(super) async fn examine(&self, options: Options) -> Examination {
        let named = examine(self.roster.targets.clone(), options);
        let found = proxies::examine(&self.proxies, &self.roster, options);
        let (mut examination, found) = tokio::join!(named, found);
        examination.took = examination.took.max(found.took);
        examination.servers.extend(found.servers);
        for facts in &mut examination.servers {
            if found.listeners.contains(&facts.target.name) {
                // What a proxy says as a memcached server is not about one: no figure is known, and
                // none is missed.
                facts.says = Some(Says::Memcached(Box::default()));
                facts.gaps.clear();
            }
        }
        examination.proxies = found.proxies;
        examination.groups.clone_from(&self.groups);
        for group in found.groups {
            add_group(&mut examination.groups, group);
        }
        let named = self.roster.named(&examination.groups, &found.listeners);
        examination.groups.extend(named);
        examination
    }
}

/// Adds a group, unless there is one of the same servers.
fn add_group(groups: &mut Vec<Group>, group: Group) {
    let members = |it: &Group| {
        let mut members = it.members.clone();
        members.sort_unstable();
        members
    };
    if groups.iter().all(|it| members(it) != members(&group)) {
        groups.push(group);
    }
}

/// What has been read of the arguments so far.
#[derive(Default)]
struct Reading {
    token: Option<Token>,
    password: Option<evenkeel_doctor::target::Password>,
    roster: Roster,
    groups: Vec<Group>,
    proxies: Vec<Admin>,
    /// Addresses where there may be an admin API.
    candidates: Vec<String>,
    faults: Vec<String>,
}

impl Reading {
    /// What was read, or nothing and a fault.
    fn ok<T>(&mut self, read: Result<T, String>) -> Option<T> {
        read.map_err(|fault| self.faults.push(fault)).ok()
    }

    fn read(&mut self, text: &str) {
        match Form::of(text) {
            Form::Proxy => self.add_proxy(text),
            Form::Server => self.add_server(text),
            Form::File(path) => self.add_file(&path),
            Form::Address => self.candidates.push(text.to_owned()),
            Form::ServerAddress(scheme) => self
                .faults
                .push(format!("{text}: that is {scheme}'s usual port; write {scheme}://{text}")),
            Form::Encrypted => self.faults.push(format!(
                "{}: an admin API speaks plain HTTP; write http://address:port",
                shown(text)
            )),
            Form::Unknown => self.faults.push(format!("{}: {FORMS}", shown(text))),
        }
    }

    fn add_proxy(&mut self, text: &str) {
        match Admin::at(text, self.token.clone(), PATIENCE) {
            Ok(admin) => self.push_proxy(admin),
            Err(_) => self.faults.push(format!(
                "{}: that is no address of an admin API; write http://address:port",
                shown(text)
            )),
        }
    }

    fn push_proxy(&mut self, admin: Admin) {
        if self.proxies.iter().all(|it| it.address() != admin.address()) {
            self.proxies.push(admin);
        }
    }

    fn add_server(&mut self, text: &str) {
        match text.parse::<Target>() {
            Ok(target) => {
                let target = match &self.password {
                    Some(password) => target.or_password(password),
                    None => target,
                };
                if target.lacks_password() {
                    self.faults.push(format!(
                        "{}: the user has no password; give it as EVENKEEL_REDIS_PASSWORD or with \
                         --password-file",
                        shown(text)
                    ));
                } else {
                    self.roster.add(target);
                }
            }
            Err(error) => self.faults.push(format!("{}: {error}", shown(text))),
        }
    }

    fn add_file(&mut self, path: &Path) {
        match evenkeel_config_file::load(path) {
            Ok(config) => self.add_config(path, &config),
            Err(error) => self.faults.push(error.to_string()),
        }
    }

    fn add_config(&mut self, path: &Path, config: &Config) {
        let before = self.groups.len();
        for pool in &config.pools {
            let members = pool.servers.iter().map(|server| {
                let own = server
                    .name
                    .as_ref()
                    .map_or_else(|| server.address.to_string(), ToString::to_string);
                let target = Target::memcached(server.address.clone());
                let server_name = self.roster.add(target.named(format!("{}/{own}", pool.name)));
                Member { server: server_name, weight: server.weight.as_u32() }
            });
            let members: Vec<_> = members.collect();
            if !members.is_empty() {
                let name = format!("pool {}", pool.name);
                add_group(&mut self.groups, Group { name, is_pool: true, members });
            }
        }
        if self.groups.len() == before && config.pools.iter().all(|it| it.servers.is_empty()) {
            self.faults.push(format!("{}: it has no server to examine", path.display()));
        }
    }

    /// Asks where there may be admin APIs.
    fn ask(&mut self) {
        let token = &self.token;
        let candidates = std::mem::take(&mut self.candidates);
        let answers: Vec<_> = thread::scope(|scope| {
            let asking = candidates.iter().map(|it| scope.spawn(|| is_proxy(it, token.clone())));
            let asking: Vec<_> = asking.collect();
            asking.into_iter().map(|it| it.join().expect("a question does not panic")).collect()
        });
        for (address, answer) in candidates.iter().zip(answers) {
            match answer {
                Ok(admin) => self.push_proxy(admin),
                Err(error) => self.faults.push(format!(
                    "{address}: no admin API answers there ({}); write http://{address} if it is a \
                     proxy's, memcached://{address} or redis://{address} if it is a server",
                    error.in_brief()
                )),
            }
        }
    }

    /// With nothing named: the proxy that other verbs ask, too.
    fn find_usual(&mut self) {
        let address = Admin::usual_address();
        match is_proxy(&address, self.token.clone()) {
            Ok(admin) => self.push_proxy(admin),
            Err(error) => self.faults.push(format!(
                "nothing is named to examine, and no running proxy answers at {address} ({}); {FORMS}",
                error.in_brief()
            )),
        }
    }
}

/// A way to the proxy that answers there. One that wants another token is one, too.
fn is_proxy(address: &str, token: Option<Token>) -> Result<Admin, AdminError> {
    let admin = Admin::at(address, token, PATIENCE)?;
    match admin.status() {
        Ok(_) | Err(AdminError::Unauthorized { .. }) => Ok(admin),
        Err(error) => Err(error),
    }
}

/// What an argument looks like.
#[derive(Debug, PartialEq, Eq)]
enum Form {
    Proxy,
    Server,
    File(PathBuf),
    /// Somebody's; an admin API, if one answers.
    Address,
    /// With the usual port of the servers of this scheme.
    ServerAddress(&'static str),
    Encrypted,
    Unknown,
}

impl Form {
    fn of(text: &str) -> Self {
        if text.starts_with("http://") {
            return Self::Proxy;
        }
        if text.starts_with("https://") {
            return Self::Encrypted;
        }
        if text.contains("://") {
            return Self::Server;
        }
        let path = Path::new(text);
        if path.extension().is_some_and(|it| it.eq_ignore_ascii_case("toml")) || path.is_file() {
            return Self::File(path.to_owned());
        }
        let port = text.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        match (text.parse::<ServerAddress>(), port) {
            (Ok(_), Some(MEMCACHED_PORT)) => Self::ServerAddress("memcached"),
            (Ok(_), Some(REDIS_PORT)) => Self::ServerAddress("redis"),
            (Ok(_), Some(1..)) => Self::Address,
            (Ok(_) | Err(_), _) => Self::Unknown,
        }
    }
}

/// An argument as it may be repeated: without what may be a password.
fn shown(text: &str) -> String {
    match (text.split_once("://"), text.rsplit_once('@')) {
        (_, None) => crate::text::printable(text),
        (Some((scheme, _)), Some((_, rest))) => {
            crate::text::printable(&format!("{scheme}://…@{rest}"))
        }
        (None, Some((_, rest))) => crate::text::printable(&format!("…@{rest}")),
    }
}

/// How long one answer of a proxy is waited for.
pub(super) const PATIENCE: Duration = Duration::from_millis(1_500);

const FORMS: &str = "name servers as memcached://address:port or redis://address:port, a \
                     configuration file, or a running proxy as http://address:port";
const MEMCACHED_PORT: u16 = 11_211;
const REDIS_PORT: u16 = 6379;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_told_apart() {
        for (text, form) in [
            ("http://10.0.0.1:9311", Form::Proxy),
            ("https://10.0.0.1:9311", Form::Encrypted),
            ("redis://10.0.0.1", Form::Server),
            ("none/of.toml", Form::File("none/of.toml".into())),
            ("Cargo.toml", Form::File("Cargo.toml".into())),
            ("src/main.rs", Form::File("src/main.rs".into())),
            ("10.0.0.1:9311", Form::Address),
            ("[::1]:9311", Form::Address),
            ("10.0.0.1:11211", Form::ServerAddress("memcached")),
            ("cache.example:6379", Form::ServerAddress("redis")),
            ("10.0.0.1", Form::Unknown),
            ("evenkeel.tmol", Form::Unknown),
            ("me:secret@10.0.0.1:6379", Form::Unknown),
            ("10.0.0.1:0", Form::Unknown),
        ] {
            assert_eq!(Form::of(text), form, "{text}");
        }
    }

    #[test]
    fn a_password_is_not_repeated() {
        for (text, repeated) in [
            ("redis://10.0.0.1:x", "redis://10.0.0.1:x"),
            ("redis://:se@cret@10.0.0.1:x", "redis://…@10.0.0.1:x"),
            ("me:secret@10.0.0.1", "…@10.0.0.1"),
            ("\u{1b}[2J", "\\u{1b}[2J"),
        ] {
            assert_eq!(shown(text), repeated);
        }
    }

    #[test]
    fn a_server_is_examined_once_and_names_are_its_own() {
        let target = |text: &str| text.parse::<Target>().unwrap();
        let mut roster = Roster::default();
        assert_eq!(roster.add(target("memcached://a:1").named("main/a".to_owned())), "main/a");
        assert_eq!(roster.add(target("memcached://a:1")), "main/a");
        assert_eq!(
            roster.add(target("memcached://b:1").named("main/a".to_owned())),
            "main/a (b:1)"
        );
        assert_eq!(roster.add(target("redis://a:1")), "redis://a:1");
        assert_eq!(roster.add(target("redis://:x@a:1")), "redis://a:1 (a:1)");
        assert_eq!(roster.targets.len(), 4);
    }

    #[test]
    fn those_named_one_by_one_are_compared_by_protocol() {
        let mut roster = Roster::default();
        for text in ["memcached://a:1", "memcached://b:1", "redis://c:1", "memcached://d:1"] {
            roster.add(text.parse().unwrap());
        }
        let groups = roster.named(&[], &["memcached://d:1".to_owned()]);
        let members: Vec<Vec<_>> = groups
            .iter()
            .map(|it| it.members.iter().map(|it| it.server.as_str()).collect())
            .collect();
        assert_eq!(members, [["memcached://a:1", "memcached://b:1"]]);
    }
}
