//! The known word that a misspelt one probably stands for.
//!
//! It serves whoever must say that a name is unknown: the reader of a file, and the one who is given
//! an order.

/// The longest word, in bytes, that is compared: the comparison is quadratic.
const WORD_LEN_MAX: usize = 100;

/// The nearest of `known` to `word`, if it is near enough to be worth a guess.
///
/// Near enough: no more than a third of the letters differ, capitals aside. Of equally near ones
/// the first.
pub fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    if word.len() > WORD_LEN_MAX {
        return None;
    }
    let word = word.to_lowercase();
    let distance = |known: &str| strsim::damerau_levenshtein(&word, &known.to_lowercase());
    let distances = known.into_iter().map(|known| (distance(known), known));
    let (distance, known) = distances.min_by_key(|(distance, _)| *distance)?;
    let len = word.chars().count().max(known.chars().count());
    let differing_max = (len / 3).max(1);
    // A word of which nothing is left is not near to anything.
    (distance <= differing_max && distance < len).then_some(known)
}

/// `did you mean "x"?` if there is a near word among `known`, else the choice among `all`.
pub fn near_or_all<'k>(
    word: &str,
    known: impl IntoIterator<Item = &'k str>,
    all: impl FnOnce() -> Vec<&'k str>,
) -> String {
    match nearest(word, known) {
        Some(known) => format!("did you mean {known:?}?"),
        None => format!("choose {}", alternatives(&all())),
    }
}

/// `did you mean "x"?` if there is a near word, else the choice among all.
pub fn suggestion<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    near_or_all(word, known.clone(), || known)
}

/// `"a"`, `"a" or "b"`, `"a", "b" or "c"`.
pub fn alternatives(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
    match quoted.split_last() {
        None => "nothing".to_owned(),
        Some((only, [])) => only.clone(),
        Some((last, before)) => format!("{} or {last}", before.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 5] = ["timeout", "deadline", "connect_timeout", "servers", "hash"];

    #[track_caller]
    fn check(word: &str, expected: Option<&str>) {
        assert_eq!(nearest(word, KNOWN), expected, "{word:?}");
    }

    #[test]
    fn a_misspelt_word_is_recognised() {
        check("timout", Some("timeout"));
        check("Timeout", Some("timeout"));
        check("tiemout", Some("timeout"));
        check("connect-timeout", Some("connect_timeout"));
        check("server", Some("servers"));
        check("has", Some("hash"));
        check("hsah", Some("hash"));
    }

    #[test]
    fn a_word_that_is_near_to_nothing_is_not_guessed_at() {
        check("", None);
        check("x", None);
        check("rejoin", None);
        check("time", None);
        assert_eq!(nearest("timeout", []), None);
        assert_eq!(nearest("a", ["b"]), None);
    }

    #[test]
    fn a_suggestion_names_the_nearest_or_all() {
        assert_eq!(suggestion("nxt", ["next", "none"]), "did you mean \"next\"?");
        assert_eq!(suggestion("gutter", ["next", "none"]), "choose \"next\" or \"none\"");
        assert_eq!(suggestion("zzz", ["aa", "bb", "cc"]), "choose \"aa\", \"bb\" or \"cc\"");
    }
}
