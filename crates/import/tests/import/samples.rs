//! Samples of every kind of source, and what comes of each.
//!
//! What is expected stands beside the sample, as `SAMPLE.toml`, and was read by people. After a
//! change on purpose `UPDATE_EXPECTED=1` writes it anew: read what has changed.

use std::fs;
use std::path::{Path, PathBuf};

use evenkeel_import::{Imported, Options, Source, import};

/// One sample: its files, what is said beside them, and how many notes are open.
struct Sample {
    files: &'static [&'static str],
    client: Option<&'static str>,
    servers: Option<&'static str>,
    open: bool,
}

const fn sample(files: &'static [&'static str], open: bool) -> Sample {
    Sample { files, client: None, servers: None, open }
}

const SAMPLES: &[Sample] = &[
    sample(&["nutcracker.yml"], true),
    sample(&["nutcracker-least.yml"], false),
    sample(&["mcrouter.json"], true),
    sample(&["mcrouter-least.json"], false),
    sample(&["mcrouter-regions.json"], true),
    sample(&["php.ini"], false),
    sample(&["php-memcache.ini"], true),
    Sample {
        servers: Some("10.0.0.1:11211,10.0.0.2:11211"),
        ..sample(&["30-memcache.ini"], false)
    },
    sample(&["save-path.txt"], false),
    sample(&["weights.txt"], true),
    Sample { client: Some("spymemcached"), ..sample(&["spymemcached.txt"], false) },
    Sample { client: Some("gomemcache"), ..sample(&["gomemcache.txt"], false) },
    sample(&["settings.py"], true),
    sample(&["caches.json"], false),
    sample(&["production.rb"], true),
    sample(&["dalli.rb"], true),
    sample(&["dotenv.txt"], true),
];

impl Sample {
    fn import(&self) -> Imported {
        let sources: Vec<_> = self.files.iter().map(|name| source(name)).collect();
        let options = Options {
            from: None,
            client: self.client.map(str::to_owned),
            servers: self.servers.map(str::to_owned),
        };
        import(&sources, &options).unwrap_or_else(|error| panic!("{:?}: {error}", self.files))
    }
}

fn source(name: &str) -> Source {
    let bytes = fs::read(folder().join(name)).expect("the sample is there");
    Source::new(name, bytes).expect("the sample is text")
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples")
}

#[test]
fn every_sample_becomes_what_is_expected_of_it() {
    let mut wrong = Vec::new();
    for sample in SAMPLES {
        let imported = sample.import();
        let path = folder().join(format!("{}.toml", sample.files[0]));
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            fs::write(&path, &imported.toml).unwrap();
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        if imported.toml != expected {
            wrong.push(format!("{}:\n{}", path.display(), imported.toml));
        }
        assert_eq!(imported.open() > 0, sample.open, "{:?}: {}", sample.files, imported.summary());
    }
    assert!(wrong.is_empty(), "not as expected:\n\n{}", wrong.join("\n\n"));
}

#[test]
fn every_result_passes_check() {
    for sample in SAMPLES {
        let imported = sample.import();
        let name = sample.files[0];
        if let Err(faults) = evenkeel_config_file::parse(name, &imported.toml) {
            panic!("{name}:\n{faults}\n{}", imported.toml);
        }
    }
}
