//! A cache tier you can break: an embedded memcached server and a faulty relay.
