//! Whether a memcached server's memory is where it is needed.
//!
//! memcached divides its memory among classes of item sizes, in pages. A page given to a class stays
//! there unless the server moves it (`slab_automove`): when sizes change, one class evicts while
//! another has pages it does not need.

use super::memory::EVICTIONS_MIN;
use super::{growth_by_class, percent, told};
use crate::check::{Change, Check, Findings, Look};
use crate::facts::{MemcachedFacts, ServerFacts};

pub(crate) const CHECKS: &[Check] = &[Check {
    id: "memcached-slabs",
    title: "memory is in the classes that need it",
    meaning: "memcached divides its memory among classes of item sizes, page by page. Here one \
        class evicts while others have pages that they do not use: the server seems to have too \
        little memory, and has it in the wrong place. It happens when the sizes of items change \
        (a new release that stores larger values) and pages are not moved.",
    rule: "If at least 20 items were evicted between the samples while other classes have free \
        pages of at least a tenth of all (and two at least): warning if pages are not moved \
        (slab_automove 0), else a note, since the server is about to move them.",
    source: "`stats slabs`: total_pages, free_chunks, chunks_per_page; `stats items`: evicted; \
        `stats settings`: slab_reassign, slab_automove.",
    look: Look::Server(slabs),
}];

fn slabs(facts: &ServerFacts, findings: &mut Findings) {
    let Some(memcached) = facts.memcached() else { return };
    let Some(Misplaced { evicting, pages, free }) = Misplaced::of(memcached) else { return };
    let setting = |name| memcached.settings.word(name);
    let is_moving = is_moving(memcached);
    let words = format!("it evicts while {free} of its {pages} pages are free in other classes");
    let finding = if is_moving { findings.note(words) } else { findings.warning(words) };
    finding
        .evidence("evicting classes", evicting.join(", "), "stats items: evicted")
        .evidence(
            "free pages elsewhere",
            format!("{free} of {pages} ({})", percent(free / pages)),
            "stats slabs: total_pages, free_chunks, chunks_per_page",
        )
        .evidence(
            "slab_automove",
            setting("slab_automove").unwrap_or("not told"),
            "stats settings: slab_automove",
        );
    if is_moving {
        finding.remedy("wait: it moves a page now and then", &[]);
    } else if setting("slab_reassign") == Some("yes") {
        finding
            .remedy("have it move pages, at once", &[&told(facts, "slabs automove 1")])
            .remedy("and for good", &["memcached -o slab_reassign,slab_automove=1 …"])
            .change(Change {
                words: "let the server move pages between classes by itself".to_owned(),
                command: ["slabs", "automove", "1"].map(str::to_owned).to_vec(),
                before: Some("0".to_owned()),
                undo: Some(told(facts, "slabs automove 0")),
                lasting: Some("memcached -o slab_reassign,slab_automove=1 …".to_owned()),
            });
    } else {
        finding.remedy(
            "have it move pages (a restart, which empties it and so helps by itself)",
            &["memcached -o slab_reassign,slab_automove=1 …"],
        );
    }
}

/// Whether memory is where it is not needed, and stays there.
pub(super) fn is_misplaced(memcached: &MemcachedFacts) -> bool {
    Misplaced::of(memcached).is_some() && !is_moving(memcached)
}

fn is_moving(memcached: &MemcachedFacts) -> bool {
    memcached.settings.word("slab_automove").is_some_and(|it| it != "0")
}

/// Pages that are free while other classes evict.
struct Misplaced<'a> {
    evicting: Vec<&'a str>,
    pages: f64,
    free: f64,
}

impl<'a> Misplaced<'a> {
    fn of(memcached: &'a MemcachedFacts) -> Option<Self> {
        let (evicting, evicted): (Vec<_>, Vec<f64>) = growth_by_class(memcached, "evicted").unzip();
        if evicted.iter().sum::<f64>() < EVICTIONS_MIN {
            return None;
        }
        let (pages, free) = pages(memcached, |class| evicting.contains(&class));
        let is_much = free >= FREE_PAGES_MIN && free >= pages * FREE_PAGES_SHARE_MIN;
        is_much.then_some(Self { evicting, pages, free })
    }
}

/// All pages, and those that are free in classes that do not evict.
fn pages(memcached: &MemcachedFacts, is_evicting: impl Fn(&str) -> bool) -> (f64, f64) {
    let (mut all, mut free) = (0.0, 0.0);
    for (name, value) in memcached.slabs.iter() {
        let Some((class, "total_pages")) = name.split_once(':') else { continue };
        let Ok(pages) = value.parse::<f64>() else { continue };
        all += pages;
        let number = |field| memcached.slabs.number(&format!("{class}:{field}"));
        let chunks = number("free_chunks").zip(number("chunks_per_page"));
        if let Some((chunks, by_page)) = chunks
            && by_page > 0.0
            && !is_evicting(class)
        {
            // Each class keeps one page, were it empty.
            free += (chunks / by_page).floor().min(pages - 1.0).max(0.0);
        }
    }
    (all, free)
}

const FREE_PAGES_MIN: f64 = 2.0;
const FREE_PAGES_SHARE_MIN: f64 = 0.1;

#[cfg(test)]
mod tests {
    use super::super::facts_by_hand::{ByHand, check};
    use crate::Severity::{Note, Warning};

    fn imbalanced() -> ByHand {
        ByHand::default()
            .items("items:1:evicted", 0, 20)
            .slabs("1:total_pages", 18)
            .slabs("1:free_chunks", 0)
            .slabs("1:chunks_per_page", 100)
            .slabs("2:total_pages", 3)
            .slabs("2:free_chunks", 299)
            .slabs("2:chunks_per_page", 100)
            .setting("slab_automove", "0")
            .setting("slab_reassign", "yes")
    }

    #[test]
    fn a_class_that_evicts_beside_free_pages_is_found() {
        check(&imbalanced(), super::CHECKS, &[]);
        let free = imbalanced().slabs("1:total_pages", 17).slabs("2:free_chunks", 300);
        check(&free, super::CHECKS, &[("memcached-slabs", Warning)]);
        let found = free.found(super::CHECKS);
        let change = found[0].change.as_ref().expect("it can be changed at once");
        assert_eq!(change.command, ["slabs", "automove", "1"]);
        // That it evicts what was just used is told by it, and not once more.
        let hot = free.clone().stats("evictions", 0, 20).items("items:1:evicted_time", 0, 0);
        check(&hot, super::super::memory::CHECKS, &[]);
        let moved = hot.setting("slab_automove", "1");
        check(&moved, super::super::memory::CHECKS, &[("memcached-evictions", Warning)]);
        let moving = free.clone().setting("slab_automove", "1");
        check(&moving, super::CHECKS, &[("memcached-slabs", Note)]);
        assert!(moving.found(super::CHECKS)[0].change.is_none());
        let fixed = free.clone().setting("slab_reassign", "no");
        assert!(fixed.found(super::CHECKS)[0].change.is_none());
        check(&free.items("items:1:evicted", 0, 19), super::CHECKS, &[]);
    }
}
