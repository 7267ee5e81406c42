//! What all targets have in common: the servers, and a folder for their files.

use std::env;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process;

use evenkeel_bench::program::Server;

/// See the module's documentation.
pub(crate) struct Stage {
    pub(crate) servers: Vec<Server>,
    /// Removed when the stage is.
    pub(crate) folder: PathBuf,
}

impl Stage {
    pub(crate) fn set(servers: usize) -> io::Result<Self> {
        let folder = env::temp_dir().join(format!("evenkeel-compare-{}", process::id()));
        fs::create_dir_all(&folder)?;
        let mut stage = Self { servers: Vec::new(), folder };
        for _ in 0..servers {
            stage.servers.push(Server::start(&[Ipv4Addr::LOCALHOST])?);
        }
        Ok(stage)
    }

    /// Empties all servers: what one row left where another's keys may be moved is no answer.
    pub(crate) fn flush(&self) -> io::Result<()> {
        for server in &self.servers {
            let mut stream = TcpStream::connect(server.address)?;
            stream.write_all(b"flush_all\r\n")?;
            let mut answer = [0; 4];
            stream.read_exact(&mut answer)?;
            if answer != *b"OK\r\n" {
                return Err(io::Error::other("a server does not forget what it holds"));
            }
        }
        Ok(())
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // What cannot be removed from a folder for temporary files is left there.
        let _ = fs::remove_dir_all(&self.folder);
    }
}
