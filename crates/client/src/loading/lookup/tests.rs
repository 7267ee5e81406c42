use super::*;

const POLICY: LoadPolicy = LoadPolicy::new(Duration::from_secs(100))
    .early(Duration::from_secs(20))
    .stale_while_loading(Duration::from_secs(30))
    .stale_on_error(Duration::from_mins(1));

fn item(line: &str, body: &str) -> Item {
    let (line, body) = (line.as_bytes().to_vec(), body.as_bytes().to_vec());
    match read(CallResult::Answered { status: Status::Hit, line, body }) {
        Ok(Found::Item(item)) => item,
        other => panic!("{other:?}"),
    }
}

fn value() -> Value {
    Value::new(7, "x")
}

/// `t`, `W` and so on of a value → what is to be done under [`POLICY`].
fn judge(flags: &str) -> Verdict {
    item(&format!("VA 1 kkey f7 c9 {flags}"), "x").judge(&POLICY, 0.0)
}

fn give(age: Age, renew: Option<Told>, fresh_for: Option<u64>) -> Verdict {
    let renew = renew.map(|told| (told, Cas::from_raw(9)));
    Verdict::Give { value: value(), age, renew, fresh_for: fresh_for.map(Duration::from_secs) }
}

fn load(by: Told, stale: Option<Value>) -> Verdict {
    Verdict::Load { by, cas: Some(Cas::from_raw(9)), is_placeholder: false, stale }
}

#[test]
fn a_question_names_how_long_a_load_takes_and_when_it_is_due() {
    let text = |policy: &LoadPolicy, share| String::from_utf8(flags(policy, share)).unwrap();
    // The grace, and from half to all of the window.
    assert_eq!(text(&POLICY, 0.0), "v f c t N30 R70");
    assert_eq!(text(&POLICY, 0.999), "v f c t N30 R79");
    let plain = LoadPolicy::new(Duration::from_secs(5));
    assert_eq!(text(&plain, 0.5), "v f c t N30", "a tenth of it is no second, and R0 no time");
    assert_eq!(text(&POLICY.alone(), 0.0), "v f c t");
    let long = LoadPolicy::new(Duration::MAX).stale_on_error(Duration::MAX);
    assert_eq!(text(&long.load_timeout(Duration::MAX), 0.999), "v f c t N2592000 R2592000");
    // A grace has its beginning told even without a window.
    assert_eq!(text(&POLICY.early(Duration::ZERO), 0.0), "v f c t N30 R61");
    assert_eq!(text(&POLICY.load_timeout(Duration::ZERO), 0.0), "v f c t N1 R70");
}

#[test]
fn an_answer_is_read_word_by_word() {
    let item = item("VA 1 kWZX f7 c9 t70 W", "x");
    assert_eq!(item.value, value());
    assert_eq!((item.cas, item.left), (Some(Cas::from_raw(9)), Some(70)));
    assert_eq!((item.told, item.is_marked_stale), (Told::Us, false), "a key is no flag");
    let error = |kind| {
        read(CallResult::Answered { status: Status::Error(kind), line: vec![], body: vec![] })
    };
    assert_eq!(error(ErrorKind::UnknownCommand), Err(NotUnderstood));
    assert_eq!(error(ErrorKind::Client), Err(NotUnderstood));
    assert!(matches!(error(ErrorKind::Server), Ok(Found::Unavailable(_))));
}

#[test]
fn a_fresh_value_is_given_and_renewed_by_who_is_told() {
    assert_eq!(judge("t160"), give(Age::Fresh, None, Some(100)));
    assert_eq!(judge("t61 Z"), give(Age::Fresh, None, Some(1)));
    assert_eq!(judge("t61 W"), give(Age::Fresh, Some(Told::Us), Some(1)));
    assert_eq!(judge("t-1"), give(Age::Fresh, None, None), "it never ends");
}

#[test]
fn a_value_that_is_over_is_given_for_the_first_grace_while_one_loads_it() {
    assert_eq!(judge("t60 W"), give(Age::Stale, Some(Told::Us), Some(0)));
    assert_eq!(judge("t60"), give(Age::Stale, Some(Told::Nobody), Some(0)));
    assert_eq!(judge("t60 Z"), give(Age::Stale, None, Some(0)));
    assert_eq!(judge("t59 Z"), give(Age::Stale, None, Some(0)));
    // Who was told has had its second.
    assert_eq!(judge("t58 Z"), give(Age::Stale, Some(Told::Nobody), Some(0)));
    assert_eq!(judge("t31 W"), give(Age::Stale, Some(Told::Us), Some(0)));
}

#[test]
fn after_that_it_is_loaded_and_stands_in_for_an_error_for_the_second_grace() {
    assert_eq!(judge("t30 W"), load(Told::Us, Some(value())));
    assert_eq!(judge("t30 Z"), load(Told::Nobody, Some(value())));
    assert_eq!(judge("t1 W"), load(Told::Us, Some(value())));
    assert_eq!(judge("t0 W"), load(Told::Us, None));
}

#[test]
fn what_is_marked_as_out_of_date_is_stale_from_then_on() {
    assert_eq!(judge("t160 X W"), give(Age::Stale, Some(Told::Us), Some(0)));
    assert_eq!(judge("t160 X Z"), give(Age::Stale, None, Some(0)));
    let strict = LoadPolicy::new(Duration::from_secs(100));
    let marked = item("VA 1 kkey f7 c9 t90 X W", "x").judge(&strict, 0.0);
    assert_eq!(marked, load(Told::Us, None));
}

#[test]
fn an_empty_value_is_the_empty_item_only_while_somebody_loads() {
    let judge = |flags: &str| item(&format!("VA 0 kkey {flags}"), "").judge(&POLICY, 0.0);
    let placeholder = |by| {
        let cas = Some(Cas::from_raw(9));
        Verdict::Load { by, cas, is_placeholder: true, stale: None }
    };
    assert_eq!(judge("f0 c9 t30 W"), placeholder(Told::Us));
    assert_eq!(judge("f0 c9 t30 Z"), placeholder(Told::Others));
    assert!(matches!(judge("f0 c9 t160"), Verdict::Give { .. }));
    assert!(matches!(judge("f1 c9 t160 W"), Verdict::Give { .. }));
}

#[test]
fn that_there_is_none_is_fresh_for_as_long_as_it_is_there() {
    let judge = |flags: &str, policy: &LoadPolicy| {
        item(&format!("VA 0 kkey f{ABSENT_FLAGS} c9 {flags}"), "").judge(policy, 0.0)
    };
    let absent = POLICY.absent_ttl(Duration::from_secs(5));
    for flags in ["t5 W", "t1 Z", "t1"] {
        assert!(
            matches!(judge(flags, &absent), Verdict::Give { age: Age::Fresh, renew: None, .. }),
            "{flags}"
        );
    }
    assert_eq!(judge("t5 X W", &absent), load(Told::Us, None));
    assert_eq!(judge("t5", &POLICY), load(Told::Nobody, None), "there must be one");
}
