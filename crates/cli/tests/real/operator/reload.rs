//! `evenkeel reload`.

use super::*;

/// Changes the proxy's configuration file.
fn edit(operated: &Operated, from: &str, to: &str) {
    let text = fs::read_to_string(&operated.config).expect("it was written");
    assert!(text.contains(from), "{text}");
    fs::write(&operated.config, text.replace(from, to)).expect("the scratch folder is writable");
}

#[test]
fn a_good_file_takes_effect_and_says_what_has_changed() {
    let operated = Operated::start(2);
    let unchanged = operated.ask(&["reload"]).success();
    assert_eq!(unchanged, "unchanged: the configuration says what is in effect already\n");
    edit(&operated, "name = \"b\"", "name = \"c\"");
    operated.ask(&["reload"]).success();
    // Whether the file was found changed before it was asked for is a matter of luck.
    let status = operated.json(&["status", "--json"]);
    assert_eq!(status["pools"][0]["servers"][1]["name"], "c");
}

#[test]
fn a_file_with_faults_is_refused_and_status_tells_until_it_is_mended() {
    let operated = Operated::start(1);
    edit(&operated, "pool = \"main\"", "pool = \"mian\"");
    let told = operated.ask(&["reload"]);
    assert_eq!((told.code, told.stderr.as_str()), (Some(78), ""));
    let config = operated.config.display();
    let fault = "listener.main.pool: there is no pool \"mian\"; did you mean \"main\"?";
    let expected =
        format!("refused: what was in effect still is\n  fault: {config}:3:8: {fault}\n");
    assert!(told.stdout.starts_with(&expected), "{told:?}");
    let json = operated.json(&["reload", "--json"]);
    assert_eq!(json["outcome"], "refused");

    let status = operated.ask(&["status"]);
    assert_eq!(status.code, Some(1));
    assert!(status.stdout.contains("\n1 thing is not well:\n  the reload at "), "{status:?}");
    edit(&operated, "pool = \"mian\"", "pool = \"main\"");
    operated.ask(&["reload"]).success();
    operated.ask(&["status"]).success();
}
