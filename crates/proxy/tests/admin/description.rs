//! The description of the API, beside what is answered.

use std::sync::Mutex;

use evenkeel_api::{LabFault, LabServer};
use evenkeel_core::config::AdminConfig;
use evenkeel_proxy::{Answer, Lab, Refusal};
use serde_json::Value;

use crate::rig::{NO_BROWSER, Rig};

/// A lab whose servers can be crashed, and `b` cannot be.
#[derive(Default)]
struct FakeLab {
    crashed: Mutex<Vec<String>>,
}

impl Lab for FakeLab {
    fn servers(&self) -> Vec<LabServer> {
        let crashed = self.crashed.lock().expect("nobody panicked");
        let fault = |server: &str| crashed.contains(&server.to_owned()).then(|| "crash".to_owned());
        ["a", "b"].map(|it| LabServer { server: it.to_owned(), fault: fault(it) }).into()
    }

    fn faults(&self) -> Vec<LabFault> {
        vec![LabFault { name: "crash".to_owned(), summary: "It ends.".to_owned() }]
    }

    fn apply<'a>(&'a self, server: &'a str, _fault: &'a str) -> Answer<'a, ()> {
        Box::pin(async move {
            if server == "b" {
                return Err(Refusal::Conflict("b is spared; crash a".to_owned()));
            }
            self.crashed.lock().expect("nobody panicked").push(server.to_owned());
            Ok(())
        })
    }
}

fn rig_with_lab() -> Rig {
    Rig::start_before(AdminConfig::default(), Some(Box::<FakeLab>::default()))
}

/// Every path that is described, with its methods.
fn described(rig: &Rig) -> Vec<(String, String)> {
    let description = rig.ask("/api/v1/openapi.json").json();
    let paths = description["paths"].as_object().expect("paths").iter();
    let methods = paths.flat_map(|(path, item)| {
        let methods = item.as_object().expect("methods").keys();
        methods.map(|method| (method.to_uppercase(), path.clone())).collect::<Vec<_>>()
    });
    methods.collect()
}

#[test]
fn what_is_described_is_what_there_is() {
    let rig = rig_with_lab();
    let described: Vec<_> =
        described(&rig).iter().map(|(method, path)| format!("{method} {path}")).collect();
    assert_eq!(
        described,
        [
            "GET /api/v1/configuration",
            "GET /api/v1/events",
            "GET /api/v1/events/stream",
            "GET /api/v1/history",
            "GET /api/v1/lab",
            "POST /api/v1/lab/servers/{server}/{fault}",
            "GET /api/v1/pools",
            "GET /api/v1/pools/{pool}",
            "GET /api/v1/pools/{pool}/servers/{server}",
            "POST /api/v1/pools/{pool}/servers/{server}/{order}",
            "POST /api/v1/reload",
            "GET /api/v1/route",
            "GET /api/v1/status",
            "GET /health/live",
            "GET /health/ready",
            "GET /metrics",
        ]
    );
}

#[test]
fn every_described_route_exists() {
    let rig = rig_with_lab();
    for (method, path) in described(&rig) {
        if path.ends_with("/stream") {
            continue;
        }
        let filled =
            [("{pool}", "main"), ("{server}", "a"), ("{order}", "flush"), ("{fault}", "crash")];
        let filled =
            filled.iter().fold(path.clone(), |path, (name, word)| path.replace(name, word));
        let answer = rig.send(&method, &filled, &[NO_BROWSER]);
        assert!(answer.status != 405 && !answer.body.contains("there is nothing at"), "{answer:?}");
    }
    // The test can fail:
    assert!(rig.ask("/api/v1/nothing").body.contains("there is nothing at"));
}

#[test]
fn whatever_changes_something_is_refused_to_forms_and_to_pages_from_elsewhere() {
    let rig = rig_with_lab();
    let changing: Vec<_> = described(&rig).into_iter().filter(|(it, _)| it != "GET").collect();
    assert_eq!(changing.len(), 3);
    for (method, path) in changing {
        rig.send(&method, &path, &[]).check_failure(400, "bad-request");
        let foreign = [("sec-fetch-site", "cross-site"), NO_BROWSER];
        rig.send(&method, &path, &foreign).check_failure(403, "forbidden");
    }
}

#[test]
fn a_process_without_a_lab_describes_none() {
    let rig = Rig::start();
    assert!(described(&rig).iter().all(|(_, path)| !path.contains("lab")));
}

#[test]
fn refusals_are_described_for_every_route_and_names_are_resolved() {
    let description = rig_with_lab().ask("/api/v1/openapi.json").json();
    assert_eq!(description["servers"][0]["url"], "/");
    let schemas = &description["components"]["schemas"];
    let operations = description["paths"].as_object().expect("paths").values();
    for operation in operations.flat_map(|item| item.as_object().expect("methods").values()) {
        let refusal = &operation["responses"]["default"]["content"]["application/json"]["schema"];
        assert_eq!(refusal["$ref"], "#/components/schemas/ApiFailure", "{operation}");
        assert!(operation["summary"].as_str().is_some_and(|it| it.ends_with('.')), "{operation}");
    }
    for name in references(&description) {
        let name = name.strip_prefix("#/components/schemas/").expect("they are all there");
        assert!(schemas[name].is_object(), "{name}");
    }
}

/// Every name that something else is described by.
fn references(value: &Value) -> Vec<&str> {
    match value {
        Value::Object(fields) => {
            let own = fields.get("$ref").and_then(Value::as_str);
            own.into_iter().chain(fields.values().flat_map(references)).collect()
        }
        Value::Array(elements) => elements.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn a_lab_is_told_what_to_break() {
    let rig = rig_with_lab();
    assert_eq!(rig.ask("/api/v1/status").json()["is_lab"], true);
    assert_eq!(rig.ask("/api/v1/lab").json()["faults"][0]["name"], "crash");
    let apply =
        |path: &str| rig.send("POST", &format!("/api/v1/lab/servers/{path}"), &[NO_BROWSER]);
    let lab = apply("a/crash");
    assert_eq!((lab.status, &lab.json()["servers"][0]["fault"]), (200, &"crash".into()));
    assert_eq!(rig.ask("/api/v1/lab").json(), lab.json());
    apply("b/crash").check_failure(409, "conflict");
    apply("a/drown").check_failure(404, "not-found");
    apply("x/crash").check_failure(404, "not-found");
}
