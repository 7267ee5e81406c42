//! Random sequences; every command with every flag, right and wrong, on few keys.
//!
//! Few, so that requests meet what others have left behind. Half of what chance writes is as a
//! client would write it, or nothing would ever be stored.

use evenkeel_core::protocol::parse::{LINE_LEN_MAX, META_LINE_LEN_MAX};
use evenkeel_core::random::Random;

use crate::sequence::Sequence;

/// A sequence that depends on `seed` alone.
pub(crate) fn sequence(seed: u64) -> Sequence {
    let mut writer = Writer { random: Random::new(seed) };
    let steps_len = 5 + writer.below(40);
    let mut steps = Vec::with_capacity(steps_len);
    for _ in 0..steps_len {
        steps.push(writer.step());
    }
    Sequence { seed, steps }
}

struct Writer {
    random: Random,
}

impl Writer {
    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.random.below(bound as u64)).expect("below a usize")
    }

    fn one_in(&mut self, len: usize) -> bool {
        self.below(len) == 0
    }

    fn pick<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }

    fn step(&mut self) -> Vec<u8> {
        match self.below(100) {
            0..25 => self.store(),
            25..40 => self.retrieval(),
            40..48 => self.arithmetic(),
            48..53 => self.line(&["delete"], &[Self::key], &["noreply", "0", "0 noreply"]),
            53..57 => self.line(&["touch"], &[Self::key, Self::exptime], &["noreply"]),
            57..60 => self.keyless(),
            60..72 => self.meta_get(),
            72..84 => self.meta_set(),
            84..89 => self.meta("md", MD_FLAGS),
            89..96 => self.meta("ma", MA_FLAGS),
            96..98 => self.line(&["me"], &[Self::key], &["b", "q", "x b"]),
            _ => self.nonsense(),
        }
    }

    fn key(&mut self) -> Vec<u8> {
        match self.below(60) {
            0 => vec![b'k'; 250],
            1 if self.one_in(4) => vec![b'k'; 251],
            2 => b"\xc3\xa4\xff".to_vec(),
            3 => b"k\x01\x7f".to_vec(),
            4 => b"a\tb".to_vec(),
            5 => b"k\rt5".to_vec(),
            6 => self.pick(&["YQ==", "bg==", "t5", "c7", "b", "noreply"]).into(),
            7 => {
                let len_max = if self.one_in(8) { 250 } else { 5 };
                let len = 1 + self.below(len_max);
                (0..len).map(|_| self.byte_of_key()).collect()
            }
            8..25 => b"n".to_vec(),
            25..40 => b"a".to_vec(),
            40..50 => b"b".to_vec(),
            _ => b"m".to_vec(),
        }
    }

    fn exptime(&mut self) -> Vec<u8> {
        let usual = ["0", "0", "0", "0", "100", "1000", "-1", "2592000"];
        // None that is over within a few seconds: clocks tick at different moments.
        let edges = [
            "2592001",
            "2147483647",
            "2147483648",
            "4000000000",
            "4102444800",
            "9223372036854775807",
            "9223372036854775808",
            "-2147483648",
            "-9223372036854775808",
            "-9223372036854775809",
            "+100",
            "0100",
            "-0",
            "100\t",
            "\t100",
            "x",
            "100x",
            "1e3",
            "",
        ];
        let all = if self.one_in(8) { &edges[..] } else { &usual };
        self.pick(all).into()
    }

    fn number(&mut self) -> Vec<u8> {
        let usual = ["0", "1", "1", "2", "7", "10", "99", "100", "1000"];
        let all = if self.one_in(6) { EDGES } else { &usual };
        self.pick(all).into()
    }

    fn client_flags(&mut self) -> Vec<u8> {
        if self.one_in(2) { b"0".to_vec() } else { self.number() }
    }

    fn token(&mut self) -> Vec<u8> {
        match self.below(8) {
            // None that one server may have given and another not.
            0 => self.pick(TOKENS).into(),
            len => format!("{{cas+{len}}}").into_bytes(),
        }
    }

    /// A value; `-` is in none, because memcached looks for one past the end of a large number.
    fn value(&mut self) -> Vec<u8> {
        match self.below(40) {
            0..20 => {
                let numbers =
                    ["0", "1", "5", "9", "10", "99", "100", "12345", "5 ", "18446744073709551615"];
                self.pick(&numbers).into()
            }
            20..26 => self.pick(&["", "abc", "x y", "get a\r\n", "x\r\n", "5x", " 7", "+7"]).into(),
            26..39 => {
                let most = if self.one_in(12) { 600 } else { 64 };
                let len = self.below(most);
                // memcached reads on past the end of a value of blanks alone.
                b"v".iter().copied().chain((0..len).map(|_| self.byte())).collect()
            }
            _ if self.one_in(12) => {
                // More than fits beside its head, and more than a value may have.
                let len = (1 << 20) - 70 + self.below(140);
                vec![b'v'; len]
            }
            _ => vec![b'v'; 300],
        }
    }

    fn byte(&mut self) -> u8 {
        match self.random.next_u64().to_be_bytes()[0] {
            b'-' => b'+',
            byte => byte,
        }
    }

    /// Any byte that does not end a word or a line.
    fn byte_of_key(&mut self) -> u8 {
        match self.random.next_u64().to_be_bytes()[0] {
            b'\0' | b' ' | b'\n' => b'\r',
            byte => byte,
        }
    }

    /// The value of a store command behind its length: nearly always of that length, and ended.
    fn data(&mut self, line: &mut Vec<u8>, words_behind: &[&[u8]], noreply: bool) {
        let value = self.value();
        let announced = match self.below(150) {
            0 => (value.len() + 1 + self.below(5)).to_string().into_bytes(),
            1 => value.len().saturating_sub(1).to_string().into_bytes(),
            2 => self.pick(&["-1", "x", "1x", "18446744073709551616", "", "-2147483648"]).into(),
            3 => format!("+{}", value.len()).into(),
            4 => format!("000{}\t", value.len()).into(),
            _ => value.len().to_string().into_bytes(),
        };
        line.push(b' ');
        line.extend_from_slice(&announced);
        for word in words_behind {
            line.push(b' ');
            line.extend_from_slice(word);
        }
        if noreply {
            line.extend_from_slice(b" noreply");
        }
        self.end(line);
        line.extend_from_slice(&value);
        line.extend_from_slice(if self.one_in(200) { b"\n" } else { b"\r\n" });
    }

    fn end(&mut self, line: &mut Vec<u8>) {
        if self.one_in(40) {
            line.push(b' ');
        }
        line.extend_from_slice(if self.one_in(12) { b"\n" } else { b"\r\n" });
    }

    fn store(&mut self) -> Vec<u8> {
        let commands =
            ["set", "set", "set", "set", "add", "replace", "append", "prepend", "cas", "cas"];
        let command = self.pick(&commands);
        let mut line = command.as_bytes().to_vec();
        for word in [self.key(), self.client_flags(), self.exptime()] {
            line.push(b' ');
            line.extend_from_slice(&word);
        }
        let token = self.token();
        let others: &[&[u8]] = if command == "cas" { &[&token] } else { &[] };
        let noreply = self.one_in(8);
        self.data(&mut line, others, noreply);
        line
    }

    fn retrieval(&mut self) -> Vec<u8> {
        let command = self.pick(&["get", "get", "gets", "gets", "gat", "gats", "bget"]);
        let mut line = command.as_bytes().to_vec();
        if command.starts_with("gat") {
            line.push(b' ');
            line.extend_from_slice(&self.exptime());
        }
        let keys_len = match self.below(240) {
            0 => self.below(900),
            1..8 => self.below(80),
            _ => 1 + self.below(4),
        };
        for _ in 0..keys_len {
            line.push(b' ');
            if self.one_in(60) {
                line.push(b' ');
            }
            line.extend_from_slice(&self.key());
        }
        self.end(&mut line);
        after_earlier_answers(line)
    }

    fn arithmetic(&mut self) -> Vec<u8> {
        let mut line = self.line(&["incr", "decr"], &[Self::key, Self::number], &["noreply"]);
        if self.one_in(3) {
            line.splice(0..0, *b"set n 0 0 2\r\n10\r\n");
        }
        line
    }

    /// A line of these words, sometimes with one too many or too few.
    fn line(
        &mut self,
        commands: &[&str],
        words: &[fn(&mut Self) -> Vec<u8>],
        behind: &[&str],
    ) -> Vec<u8> {
        let mut line = self.pick(commands).as_bytes().to_vec();
        let len = if self.one_in(30) { self.below(words.len() + 1) } else { words.len() };
        for word in &words[..len] {
            line.push(b' ');
            line.extend_from_slice(&word(self));
        }
        if self.one_in(5) {
            line.push(b' ');
            line.extend_from_slice(self.pick(behind).as_bytes());
        }
        if self.one_in(60) {
            line.extend_from_slice(self.pick(&[" x", " 0", " x noreply", " 1 2 3"]).as_bytes());
        }
        self.end(&mut line);
        line
    }

    fn keyless(&mut self) -> Vec<u8> {
        let all = [
            "version",
            "version x",
            "verbosity 0",
            "verbosity 1 noreply",
            "verbosity",
            "verbosity x",
            "verbosity noreply",
            "verbosity x noreply",
            "verbosity 0 0 0",
            "mn",
            "mn x",
            "mn",
            "flush_all",
            "flush_all noreply",
            "flush_all 0",
            "flush_all 1000",
            "flush_all -1 noreply",
            "flush_all 2592001",
            "flush_all x",
            "flush_all x noreply",
            "flush_all noreply noreply",
            "flush_all 0 0",
            "flush_all 0 0 0",
            "stats nonsense",
            "stats reset",
            "stats items",
            "stats settings",
            "quit now",
            "shutdown",
            "slabs",
            "slabs reassign",
            "lru",
            "lru_crawler",
            "watch nonsense",
            "cache_memlimit",
            "refresh_certs",
            "extstore",
        ];
        let mut line = self.pick(&all).as_bytes().to_vec();
        if self.one_in(40) {
            line = b"quit".to_vec();
        }
        self.end(&mut line);
        line
    }

    fn flag(&mut self, flags: &str) -> Vec<u8> {
        let letter = flags.as_bytes()[self.below(flags.len())];
        let mut flag = vec![letter];
        flag.extend_from_slice(&match letter {
            b'C' => self.token(),
            b'D' | b'J' => self.number(),
            b'F' => self.client_flags(),
            b'T' | b'N' => self.exptime(),
            b'R' => self.pick(&["30", "500", "5000", "0", "-1", "x", ""]).into(),
            b'M' => self.pick(&["S", "E", "A", "P", "R", "I", "D", "+", "X", "SS", ""]).into(),
            b'O' => match self.below(40) {
                0 => vec![b'o'; 31],
                1 => vec![b'o'; 32],
                2 => Vec::new(),
                opaque => opaque.to_string().into_bytes(),
            },
            b'L' | b'P' => b"xyz".to_vec(),
            _ if self.one_in(60) => b"x".to_vec(),
            _ => Vec::new(),
        });
        flag
    }

    /// A key and flags, with the value's place between them for `ms`.
    fn flags(&mut self, flags: &str) -> Vec<Vec<u8>> {
        let most = if self.one_in(60) { 22 } else { 6 };
        let flags = if self.one_in(20) { ALL_FLAGS } else { flags };
        let len = self.below(most);
        let mut chosen: Vec<Vec<u8>> = Vec::new();
        for _ in 0..len {
            let flag = self.flag(flags);
            if self.one_in(80) || chosen.iter().all(|other| other[0] != flag[0]) {
                chosen.push(flag);
            }
        }
        if self.one_in(80) {
            let bad = self.pick(&["z", "1", "\u{7f}", "\u{e9}", "!", "S100", "noreply", "E5", "x"]);
            chosen.push(bad.as_bytes().to_vec());
        }
        chosen
    }

    fn meta_key(&mut self, flags: &mut Vec<Vec<u8>>) -> Vec<u8> {
        if self.one_in(6) {
            if !flags.iter().any(|flag| flag[0] == b'b') {
                flags.push(b"b".to_vec());
            }
            let texts = [
                "YQ==", "bg==", "Yg==", "bQ==", "AAECIA==", "YQ=", "!!!!", "Y-Q==", "YR==",
                "YQ==YQ==", "a", "YSBiIGM=", "YSBrYiBj", "YQ1i", "YQpi",
            ];
            return match self.below(60) {
                0 => vec![b'A'; 248],
                1 => vec![b'A'; 252],
                _ => self.pick(&texts).into(),
            };
        }
        self.key()
    }

    fn meta(&mut self, command: &str, letters: &str) -> Vec<u8> {
        let mut flags = self.flags(letters);
        let key = self.meta_key(&mut flags);
        let mut line = [command.as_bytes(), b" ", &key].concat();
        for flag in flags {
            line.push(b' ');
            line.extend_from_slice(&flag);
        }
        if self.one_in(100) {
            line.truncate(2);
        }
        self.end(&mut line);
        line
    }

    /// And a `get` of the same key. memcached holds on to what `mg` has found until its answer
    /// leaves, and a number that is being held is renewed and not padded; a `get` has answers leave.
    fn meta_get(&mut self) -> Vec<u8> {
        let mut flags = self.flags(MG_FLAGS);
        let key = self.meta_key(&mut flags);
        let is_base64 = flags.iter().any(|flag| flag[0] == b'b');
        let mut line = [b"mg ", &key[..]].concat();
        for flag in flags {
            line.push(b' ');
            line.extend_from_slice(&flag);
        }
        self.end(&mut line);
        line.extend_from_slice(b"get ");
        line.extend_from_slice(if is_base64 { b"a b n m" } else { &key });
        line.extend_from_slice(b"\r\n");
        after_earlier_answers(line)
    }

    fn meta_set(&mut self) -> Vec<u8> {
        let mut flags = self.flags(MS_FLAGS);
        let key = self.meta_key(&mut flags);
        let mut line = [b"ms ", &key[..]].concat();
        let words: Vec<_> = flags.iter().map(|flag| &flag[..]).collect();
        self.data(&mut line, &words, false);
        line
    }

    fn nonsense(&mut self) -> Vec<u8> {
        let all = [
            "",
            " ",
            "nonsense",
            "GET a",
            "getx a",
            "m",
            "mx a",
            "mgg a",
            "get",
            "gets  ",
            "gat 10",
            "gat x",
            "gat",
            "set",
            "set a",
            "set a 0 0",
            "mg",
            "ms",
            "ms a",
            "md",
            "ma",
            "me",
            "incr n",
            "incr",
            "delete",
            "touch a",
            "incr n noreply",
            "touch a noreply",
            "delete a b noreply",
            "a b HTTP/1.1 c",
            "get\ta",
            "\tget a",
            "set\ta 0 0 1",
            "set a noreply 0 1",
            "noreply",
            "\r",
            "\x01\x7f\x1b",
            "get a\0b",
            "\0",
            "set a\0",
            "mg a\0 v",
        ];
        let mut line = self.pick(&all).as_bytes().to_vec();
        if self.one_in(40) {
            // About as long as a line may be.
            let len_max = if line.starts_with(b"m") { META_LINE_LEN_MAX } else { LINE_LEN_MAX };
            line.push(b' ');
            line.resize(len_max - 10 + self.below(20), b'x');
        }
        self.end(&mut line);
        line
    }
}

/// A retrieval, behind another if one of its keys is too long: memcached then forgets the answers
/// that have not left yet.
fn after_earlier_answers(mut line: Vec<u8>) -> Vec<u8> {
    let is_long = |word: &[u8]| word.len() > 250;
    if line.split(|byte| matches!(byte, b' ' | b'\r' | b'\n')).any(is_long) {
        if line.starts_with(b"mg ") {
            let at = line.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            line.splice(at..at, *b"get a\r\n");
        }
        line.splice(0..0, *b"get a\r\n");
    }
    line
}

/// Numbers at the bounds of what holds them, and in every way of writing them.
pub(crate) const EDGES: &[&str] = &[
    "0",
    "-0",
    "-1",
    "+5",
    "007",
    "0000000000000000000000000007",
    "255",
    "256",
    "65535",
    "65536",
    "2147483647",
    "2147483648",
    "4294967295",
    "4294967296",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "99999999999999999999",
    "-2147483648",
    "-9223372036854775808",
    "-9223372036854775809",
    "-18446744073709551615",
    "0x10",
    "1e3",
    "1.5",
    "x",
    "5x",
    "5\t",
    "\t5",
    "",
];

/// Tokens that no server has given, or all of them long ago, and what is none.
const TOKENS: &[&str] = &[
    "0",
    "-0",
    "1",
    "+1",
    "1\t",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "-1",
    "-9223372036854775808",
    "-18446744073709551615",
    "0x10",
    "5x",
    "x",
    "",
];

/// Whatever is a flag of any meta command.
const ALL_FLAGS: &str = "bcfhklqstuvCDFIJLMNOPRT";
const MG_FLAGS: &str = "bcfhklqstuvvONRTPL";
const MS_FLAGS: &str = "bckqFFTTIMMCOv";
const MD_FLAGS: &str = "bkqCTIIO";
const MA_FLAGS: &str = "bckqtvvCDJMMNTO";
