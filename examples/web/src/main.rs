//! A web service that survives its cache dying: users by their number, in `SQLite`, with memcached
//! before it.
//!
//! ```text
//! evenkeel-example-web ADDRESS DATABASE SERVER...
//! ```
//!
//! README.md says what to try. The cache is an improvement and never a condition: whatever becomes
//! of its servers, each request is answered, and rightly; without them, from the database.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]

mod routes;

mod health;

mod cache;

mod database;

mod user;

use std::env;
use std::error::Error;
use std::process::ExitCode;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use self::cache::UserCache;
use self::database::Database;
use self::routes::Service;

#[tokio::main]
async fn main() -> ExitCode {
    match serve().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("evenkeel-example-web: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [address, database, servers @ ..] = &arguments[..] else { return Err(USAGE.into()) };
    if servers.is_empty() {
        return Err(USAGE.into());
    }
    let database = Database::open(database)?;
    // Succeeds whether or not the servers are there.
    let cache = UserCache::connect(servers).await?;
    let listener = TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let mut terminate = signal(SignalKind::terminate())?;
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    };
    let routes = routes::of(Service { database, cache });
    axum::serve(listener, routes).with_graceful_shutdown(stop).await?;
    Ok(())
}

const USAGE: &str = "usage: evenkeel-example-web ADDRESS DATABASE SERVER...\n\
    for instance: evenkeel-example-web 127.0.0.1:8080 users.db 127.0.0.1:11211 127.0.0.1:11212";
