"""Clients through two prefix routes to one pool, one of which strips its prefix.

Arguments: the proxy, the server of the listener's own pool, the server of the routes' pool.
"""

import sys

import memcache
import pylibmc
from pymemcache.client.base import Client

proxy, main, users = sys.argv[1:]
at_main, at_users = Client(main, timeout=5), Client(users, timeout=5)

# A key as the application writes it, its server, and its name there.
PLACES = [
    ("page:1", at_main, "page:1"),
    ("user:1", at_users, "user:1"),
    ("/east/1", at_users, "1"),
]
KEYS = [key for key, _, _ in PLACES]
# Over both pools, out of order, with misses among them.
ASKED = ["/east/1", "page:1", "none", "user:1", "/east/none", "user:none"]
FOUND = ["/east/1", "page:1", "user:1"]


def same(expected, found):
    assert expected == found, f"{found!r}, not {expected!r}"


def flush():
    for server in at_main, at_users:
        server.flush_all(noreply=False)


def are_in_place(value=str.encode):
    for key, server, name in PLACES:
        same(value(key), server.get(name))
        others = {"page:1", "user:1", "/east/1", "1"} - {n for _, s, n in PLACES if s is server}
        same({}, server.get_many(others))


def pymemcache_values():
    client = Client(proxy, timeout=5, default_noreply=False)
    same([], client.set_many({key: key for key in KEYS}))
    are_in_place()
    same([(key, key.encode()) for key in FOUND], list(client.get_many(ASKED).items()))
    same(FOUND, list(client.gets_many(ASKED)))


def pymemcache_cas():
    client = Client(proxy, timeout=5, default_noreply=False)
    for key in KEYS:
        client.set(key, "1")
        _, token = client.gets(key)
        same(True, client.cas(key, "2", token))
        same(False, client.cas(key, "3", token))
        same(None, client.cas(key + "x", "3", token))
        same(b"2", client.get(key))
        same(12, client.incr(key, 10))
        same(True, client.append(key, "5"))
        same(False, client.add(key, "x"))
        same(True, client.touch(key, 100))
        same(b"125", client.get(key))
    are_in_place(lambda _: b"125")


def pymemcache_delete():
    client = Client(proxy, timeout=5, default_noreply=False)
    for key, server, name in PLACES:
        client.set(key, key)
        same(True, client.delete(key))
        same(None, server.get(name))
        same(False, client.delete(key))


def pymemcache_noreply():
    client = Client(proxy, timeout=5, default_noreply=True)
    for turn in range(5):
        for key in KEYS:
            client.set(key, f"{key} {turn}")
            client.append(key, "!")
        same({key: f"{key} {turn}!".encode() for key in FOUND}, client.get_many(ASKED))
        client.delete_many(KEYS)
        same({}, client.get_many(ASKED))


def pylibmc_all():
    client = pylibmc.Client([proxy], behaviors={"cas": True})
    same([], client.set_multi({key: key for key in KEYS}))
    same({key: key for key in FOUND}, client.get_multi(ASKED))
    are_in_place()
    for key in KEYS:
        value, token = client.gets(key)
        same((key, True), (value, client.cas(key, "new", token)))
    same(True, client.delete_multi(KEYS))
    same({}, client.get_multi(ASKED))


def python_memcached_all():
    client = memcache.Client([proxy], cache_cas=True)
    same([], client.set_multi({key: key for key in KEYS}))
    same({key: key for key in FOUND}, client.get_multi(ASKED))
    are_in_place()
    for key in KEYS:
        same(key, client.gets(key))
        same(True, bool(client.cas(key, "new")))
        same(True, bool(client.delete(key)))
    same({}, client.get_multi(ASKED))


for check in (
    pymemcache_values,
    pymemcache_cas,
    pymemcache_delete,
    pymemcache_noreply,
    pylibmc_all,
    python_memcached_all,
):
    try:
        flush()
        check()
        print(f"ok {check.__name__}")
    except Exception as error:
        print(f"not ok {check.__name__} # {type(error).__name__} {error}")
