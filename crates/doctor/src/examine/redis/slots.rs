//! Which slots of a cluster a server has, and whether a key is in one of them.

use crate::facts::Figures;

/// What a server of a cluster serves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Slots {
    /// First and last of each stretch.
    stretches: Vec<(u16, u16)>,
    /// Whether it holds them for another server, of which it is a replica.
    pub(super) is_replica: bool,
}

impl Slots {
    /// From `CLUSTER NODES`: this server's own line, or its primary's.
    ///
    /// `ID ADDRESS FLAGS PRIMARY SENT RECEIVED EPOCH LINK SLOT…`, one server a line. A slot that is
    /// on its way elsewhere (`[7000->-ID]`) is left out: a key that is not there is elsewhere.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let lines: Vec<Vec<&str>> =
            text.lines().map(|line| line.split_whitespace().collect()).collect();
        let flags_of = |line: &Vec<&str>| line.get(2).copied().unwrap_or_default().to_owned();
        let own = lines.iter().find(|line| flags_of(line).split(',').any(|it| it == "myself"))?;
        let is_replica = own.get(3).is_some_and(|primary| *primary != "-");
        let line = if is_replica { lines.iter().find(|it| it.first() == own.get(3))? } else { own };
        let words = line.get(8..).unwrap_or_default();
        let leaving = words.iter().filter_map(|word| {
            word.strip_prefix('[')?.split_once("->-").and_then(|(slot, _)| slot.parse::<u16>().ok())
        });
        let leaving: Vec<_> = leaving.collect();
        let stretches = words.iter().filter_map(|word| {
            let (first, last) = word.split_once('-').unwrap_or((word, word));
            Some((first.parse().ok()?, last.parse().ok()?))
        });
        let stretches = stretches.flat_map(|stretch| without(stretch, &leaving)).collect();
        Some(Self { stretches, is_replica })
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.stretches.is_empty()
    }

    /// Whether a key with this hash tag is in one of them.
    pub(super) fn has(&self, tag: &str) -> bool {
        let slot = crc16(tag.as_bytes()) % SLOTS;
        self.stretches.iter().any(|(first, last)| (*first..=*last).contains(&slot))
    }
}

/// Whether a server says that it is part of a cluster.
pub(super) fn is_cluster(info: &Figures) -> bool {
    info.word("cluster_enabled") == Some("1")
}

fn without((first, last): (u16, u16), leaving: &[u16]) -> Vec<(u16, u16)> {
    let mut left = Vec::new();
    let mut begin = u32::from(first);
    let mut out: Vec<_> = leaving.iter().filter(|it| (first..=last).contains(it)).collect();
    out.sort_unstable();
    for slot in out {
        if begin < u32::from(*slot) {
            left.extend(u16::try_from(begin).map(|begin| (begin, slot - 1)));
        }
        begin = u32::from(*slot) + 1;
    }
    if begin <= u32::from(last) {
        left.extend(u16::try_from(begin).map(|begin| (begin, last)));
    }
    left
}

/// CRC16-XMODEM, by which Redis Cluster spreads keys.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
        })
    })
}

const SLOTS: u16 = 16_384;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_hashed_as_redis_hashes_them() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
        // CLUSTER KEYSLOT foo
        assert_eq!(crc16(b"foo") % SLOTS, 12_182);
    }

    #[track_caller]
    fn check(text: &str, expected: Option<(&[(u16, u16)], bool)>) {
        let expected = expected
            .map(|(stretches, is_replica)| Slots { stretches: stretches.to_vec(), is_replica });
        assert_eq!(Slots::parse(text), expected);
    }

    #[test]
    fn a_servers_own_slots_are_found() {
        let others = "b :2 master - 0 0 2 connected 1000-16383\n";
        let own = "a :1@11 myself,master - 0 0 1 connected 0-99 200 300-310 [305->-b] [7-<-b]\n";
        let expected: &[_] = &[(0, 99), (200, 200), (300, 304), (306, 310)];
        check(&format!("{others}{own}"), Some((expected, false)));
    }

    #[test]
    fn a_replica_reads_its_primarys_slots() {
        let text = "a :1 myself,slave b 0 0 1 connected\nb :2 master - 0 0 2 connected 5-7\n";
        check(text, Some((&[(5, 7)], true)));
    }

    #[test]
    fn a_server_may_have_no_slots_or_say_nothing_of_use() {
        check("a :1 myself,master - 0 0 1 connected\n", Some((&[], false)));
        check("a :1 myself,slave b 0 0 1 connected\n", None);
        check("", None);
        check("a b\nc", None);
        check("a :1 myself,master - 0 0 1 connected 99999 x-y 9-3 -\n", Some((&[], false)));
    }
}
