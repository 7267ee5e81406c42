//! Who may ask.

use super::*;

const TOKEN: &str = "a-token-of-some-length";

fn token_file(token: &str) -> String {
    let file = scratch_path("token");
    fs::write(&file, format!("{token}\n")).expect("the scratch folder is writable");
    file.to_str().expect("a scratch path is text").to_owned()
}

#[test]
fn the_token_is_the_file_s_the_configuration_s_or_the_environment_s() {
    let file = token_file(TOKEN);
    let operated = Operated::start_with(1, &format!("token_file = {file:?}"));
    let config = operated.config.to_str().unwrap();
    operated.ask(&["status", "--token-file", &file]).success();
    Told::of(&mut evenkeel(&["status", "--config", config])).success();
    Told::of(operated.command(&["status"]).env("EVENKEEL_TOKEN_FILE", &file)).success();
}

#[test]
fn without_the_token_nobody_is_told_or_obeyed() {
    let operated = Operated::start_with(1, &format!("token_file = {:?}", token_file(TOKEN)));
    let address = format!("127.0.0.1:{}", operated.admin_port);
    for args in [&["status"][..], &["events"], &["events", "-f"], &["reload"]] {
        let told = operated.ask(args);
        assert_eq!(told.code, Some(1), "{told:?}");
        assert_eq!(
            told.stderr,
            format!(
                "evenkeel: the admin server at {address} asks for a token; give the file it is in \
                 with --token-file, or as EVENKEEL_TOKEN_FILE\n"
            )
        );
    }
    let other = token_file("another-token-of-some-length");
    let told = operated.ask(&["server", "drain", "a", "--token-file", &other]);
    assert_eq!(told.code, Some(1), "{told:?}");
    assert!(told.stderr.contains(&format!("refuses the token in {other}")), "{told:?}");
}

#[test]
fn a_configuration_without_an_admin_server_is_told_so() {
    let config = scratch_path("toml");
    let text = "[listener.a]\naddress = \"127.0.0.1:1\"\npool = \"p\"\n\
                [pool.p]\nservers = [\"127.0.0.1:2\"]\n";
    fs::write(&config, text).unwrap();
    let config = config.to_str().unwrap();
    let told = Told::of(&mut evenkeel(&["status", "--config", config]));
    assert_eq!(told.code, Some(2));
    assert_eq!(
        told.stderr,
        format!(
            "evenkeel: {config}: it has no [admin] table, and so its proxy has no admin server; \
             add one\n"
        )
    );
}
