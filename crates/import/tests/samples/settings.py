"""Django settings of a shop."""
import os
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
DEBUG = False

DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", "NAME": "shop"}}

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.memcached.PyMemcacheCache",
        "LOCATION": [
            "10.4.0.1:11211",
            "10.4.0.2:11211",  # since the second rack
        ],
        "KEY_PREFIX": "shop",
        "VERSION": 3,
        "TIMEOUT": 60 * 60,
        "OPTIONS": {
            "no_delay": True,
            "ignore_exc": True,
            "max_pool_size": 4,
            "use_pooling": True,
            "connect_timeout": 0.1,
            "timeout": 0.5,
            "dead_timeout": 60,
        },
    },
    "fragments": dict(
        BACKEND="django.core.cache.backends.memcached.PyMemcacheCache",
        LOCATION="10.4.0.1:11211;10.4.0.2:11211",
        KEY_PREFIX="frag",
        OPTIONS={"connect_timeout": 0.1, "timeout": 0.5},
    ),
    "sessions": {
        "BACKEND": "django.core.cache.backends.memcached.PyLibMCCache",
        "LOCATION": ("10.4.1.1:11211", "10.4.1.2:11211", "unix:/run/memcached.sock"),
        "OPTIONS": {
            "binary": True,
            "username": "shop",
            "password": "not-a-real-password",
            "behaviors": {
                "ketama": True,
                "hash": "md5",
                "tcp_nodelay": True,
                "connect_timeout": 200,
                "receive_timeout": 300000,
                "num_replicas": 1,
            },
        },
    },
    "cloud": {
        "BACKEND": "django.core.cache.backends.memcached.PyMemcacheCache",
        "LOCATION": os.environ["MEMCACHED_SERVERS"].split(","),
    },
    "queue": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": "redis://10.4.2.1:6379",
    },
    "local": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
}

if DEBUG:
    CACHES["old"] = {
        "BACKEND": "django.core.cache.backends.memcached." "MemcachedCache",
        "LOCATION": [("10.4.3.1:11211", 2), "10.4.3.2:11211"],
        "KEY_FUNCTION": "shop.cache.make_key",
    }
