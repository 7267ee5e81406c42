//! A cache tier you can break: an embedded memcached server and a faulty relay.
//!
//! | part | what it is |
//! |---|---|
//! | [`store`] | the items of one server: pure, told what time it is |

pub mod store;
