//! What the applications of `bad_input_is_answered_as_memcached_answers_it` send.

/// What an application sends, and where our answer is not memcached's.
pub(super) struct Script {
    pub(super) name: &'static str,
    pub(super) input: Vec<u8>,
    pub(super) deviation: Option<Deviation>,
}

/// An answer of ours that is not memcached's.
pub(super) struct Deviation {
    pub(super) answer: &'static str,
    pub(super) reason: &'static str,
}

/// Every script. Each has keys of its own: they run one after another against one pool.
pub(super) fn all() -> Vec<Script> {
    [reads_and_storage(), changes(), administration(), meta()].into_iter().flatten().collect()
}

fn reads_and_storage() -> Vec<Script> {
    let key_at_limit = "k".repeat(250);
    let key_over = "k".repeat(251);
    vec![
        same("empty line", "\r\n"),
        same("unknown command", "frobnicate key\r\n"),
        same("command in capitals", "GET key\r\n"),
        same("bare newline as line end", "set a 0 0 1\nx\r\nget a\n"),
        same("get without a key", "get\r\n"),
        same("get with spaces only", "get   \r\n"),
        same(
            "key at the limit",
            format!("set {key_at_limit} 0 0 1\r\nx\r\nget {key_at_limit}\r\n"),
        ),
        same("get of a key over the limit", format!("get {key_over}\r\n")),
        same("get of a good and a bad key", format!("get a {key_over}\r\n")),
        differs(
            "set of a key over the limit",
            format!("set {key_over} 0 0 1\r\nx\r\n"),
            BAD_FORMAT,
            VALUE_READ_OVER,
        ),
        same("delete of a key over the limit", format!("delete {key_over}\r\n")),
        same("touch of a key over the limit", format!("touch {key_over} 0\r\n")),
        same("incr of a key over the limit", format!("incr {key_over} 1\r\n")),
        same("set without a length", "set key 0 0\r\n"),
        same("set with a length that is no number", "set key 0 0 x\r\nabc\r\n"),
        same("set with a negative length", "set key 0 0 -1\r\n"),
        same("set with flags over 32 bits", "set key 4294967296 0 1\r\nx\r\n"),
        differs(
            "set with an expiry that is no number",
            "set key 0 soon 1\r\nx\r\n",
            BAD_FORMAT,
            VALUE_READ_OVER,
        ),
        same("set with a negative expiry", "set neg 0 -1 1\r\nx\r\nget neg\r\n"),
        same("value longer than announced", "set key 0 0 3\r\nabcdef\r\n"),
        same("value shorter than announced", "set key 0 0 8\r\nabc\r\nget k\r\n"),
        same("value that looks like commands", "set v 0 0 12\r\nget a\r\nEND\r\n\r\nget v\r\n"),
        same("empty value", "set e 0 0 0\r\n\r\nget e\r\n"),
        same("value over the limit", {
            let mut input = b"set big 0 0 1\r\nx\r\nset big 0 0 1048577\r\n".to_vec();
            input.extend_from_slice(&vec![b'x'; 1_048_577]);
            input.extend_from_slice(b"\r\nget big\r\n");
            input
        }),
    ]
}

fn changes() -> Vec<Script> {
    vec![
        same("cas without a token", "cas key 0 0 1\r\nx\r\n"),
        differs(
            "cas with a token that is no number",
            "cas key 0 0 1 abc\r\nx\r\n",
            BAD_FORMAT,
            VALUE_READ_OVER,
        ),
        same("cas of a key that is not there", "cas absent 0 0 1 5\r\nx\r\n"),
        same("incr without a number", "incr key\r\n"),
        same("incr by what is no number", "incr absent x\r\n"),
        same("incr by a negative number", "set n 0 0 1\r\n5\r\nincr n -1\r\n"),
        same("incr of what is no number", "set w 0 0 3\r\nabc\r\nincr w 1\r\n"),
        same("incr past 64 bits", "set m 0 0 20\r\n18446744073709551615\r\nincr m 1\r\n"),
        same("decr below zero", "set d 0 0 1\r\n5\r\ndecr d 9\r\nget d\r\n"),
        same("delete with a time of zero", "set t 0 0 1\r\nx\r\ndelete t 0\r\n"),
        same("delete with a time", "delete t 10\r\n"),
        same("delete without a key", "delete\r\n"),
        same("touch without an expiry", "touch key\r\n"),
        same("touch with an expiry that is no number", "touch key x\r\n"),
        same("gat without a key", "gat 10\r\n"),
        same("gat with an expiry that is no number", "gat x key\r\n"),
        same("verbosity", "verbosity 1\r\n"),
        same("verbosity without a level", "verbosity\r\n"),
        same("flush_all with a word", "flush_all soon\r\n"),
        same("noreply of each kind", NOREPLY),
        same("noreply of a bad set", "set key 0 0 x noreply\r\nabc\r\n"),
        same("too many words", "set key 0 0 1 2 3 4 5 6 7 8 9 10 11 12 13\r\nx\r\n"),
    ]
}

fn administration() -> Vec<Script> {
    vec![
        same("stats reset", "stats reset\r\n"),
        differs("stats slabs", "stats slabs\r\n", NO_FIGURES, NO_ITEMS),
        differs("stats items", "stats items\r\n", NO_FIGURES, NO_ITEMS),
        differs("stats cachedump", "stats cachedump 1 1\r\n", NO_FIGURES, NO_ITEMS),
        differs("cache_memlimit", "cache_memlimit 100\r\n", PER_SERVER, SEVERAL),
        differs("slabs", "slabs automove 0\r\n", PER_SERVER, SEVERAL),
        differs("lru", "lru mode flat\r\n", PER_SERVER, SEVERAL),
        differs("lru_crawler", "lru_crawler metadump all\r\n", PER_SERVER, SEVERAL),
        differs("shutdown", "shutdown\r\n", PER_SERVER, SEVERAL),
        differs("refresh_certs", "refresh_certs\r\n", PER_SERVER, SEVERAL),
    ]
}

fn meta() -> Vec<Script> {
    let key_over = "k".repeat(251);
    vec![
        same("meta get of a key that is not there", "mg absent v\r\nmg absent v q\r\n"),
        same("meta set, get, delete", "ms mk 1 T0\r\nx\r\nmg mk v t f s k Oab\r\nmd mk q\r\n"),
        same("meta arithmetic", "ma cnt N0 J5 v\r\nma cnt v D3\r\nma cnt MD v\r\n"),
        same("meta get without a key", "mg\r\n"),
        same("meta get of a key over the limit", format!("mg {key_over} v\r\n")),
        same("meta set without a length", "ms key\r\n"),
        same("meta set with a bad length", "ms key x\r\nabc\r\n"),
        same("meta set longer than announced", "ms key 1\r\nabc\r\n"),
        same("meta with a bad base64 key", "mg !!! b v\r\n"),
        same("meta with a base64 key", "ms Zm9v 1 b\r\nx\r\nmg Zm9v b k v\r\nmg foo v\r\n"),
        same("meta with a flag twice", "mg key v v\r\n"),
        same("meta with an opaque at the limit", format!("mg absent O{} v\r\n", "o".repeat(31))),
        same("meta with an opaque one past it", format!("mg absent O{} v\r\n", "o".repeat(32))),
        same("meta with an opaque over the limit", format!("mg key O{} v\r\n", "o".repeat(40))),
        same("meta with a mode unknown", "ms key 1 MX\r\nx\r\n"),
        same("meta of unknown kind", "mx key\r\n"),
    ]
}

fn differs(
    name: &'static str,
    input: impl Into<Vec<u8>>,
    answer: &'static str,
    reason: &'static str,
) -> Script {
    Script { deviation: Some(Deviation { answer, reason }), ..same(name, input) }
}

fn same(name: &'static str, input: impl Into<Vec<u8>>) -> Script {
    Script { name, input: input.into(), deviation: None }
}

const BAD_FORMAT: &str = "CLIENT_ERROR bad command line format\r\nMN";
const VALUE_READ_OVER: &str =
    "the value after a refused line is read over; memcached takes it for commands";
const PER_SERVER: &str =
    "CLIENT_ERROR this command is for one server: connect to that server\r\nMN";
const NO_FIGURES: &str = "END\r\nMN";
const NO_ITEMS: &str = "there are no items or slabs in the proxy";
const SEVERAL: &str = "there are several servers";
const NOREPLY: &str = "set q 0 0 1 noreply\r\n1\r\nadd q 0 0 1 noreply\r\n2\r\n\
    replace q 0 0 1 noreply\r\n3\r\nappend q 0 0 1 noreply\r\n4\r\nprepend q 0 0 1 noreply\r\n5\r\n\
    incr q 1 noreply\r\ndecr q 2 noreply\r\ntouch q 0 noreply\r\nget q\r\ndelete q noreply\r\n\
    get q\r\n";
