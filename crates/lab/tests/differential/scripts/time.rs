//! What is stored for two seconds, and asked for when they have passed.

/// Stored before time passes…
pub(crate) const BEFORE_TIME_PASSES: &[&[u8]] = &[
    b"set gone 0 2 1\r\n1\r\n",
    b"set stays 0 60 1\r\n1\r\n",
    b"set touched 0 2 1\r\n1\r\n",
    b"touch touched 60\r\n",
    b"set got 0 2 1\r\n1\r\n",
    b"gat 60 got\r\n",
    b"set added 0 2 1\r\n1\r\n",
    b"set number 0 2 1\r\n1\r\n",
    b"set swapped 0 2 1\r\n1\r\n",
    b"mg vivified N2 v\r\n",
    b"ma summed N2 v\r\n",
    b"ms stale 1\r\n1\r\n",
    b"md stale I T2\r\n",
    b"get gone stays touched got added number swapped vivified summed\r\n",
];

/// …and asked for after.
pub(crate) const AFTER_TIME_HAS_PASSED: &[&[u8]] = &[
    b"get gone stays touched got vivified summed\r\n",
    b"gets gone stays touched got\r\n",
    b"add added 0 0 1\r\n2\r\n",
    b"incr number 1\r\n",
    b"cas swapped 0 0 1 9\r\n2\r\n",
    b"mg stale v\r\n",
    b"append gone 0 0 1\r\n2\r\n",
    b"replace gone 0 0 1\r\n2\r\n",
    b"delete gone\r\n",
    b"set all 0 0 1\r\n1\r\n",
    b"get all\r\n",
];
