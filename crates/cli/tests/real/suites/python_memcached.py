"""A pytest plugin for python-memcached's own suite.

The suite names 127.0.0.1:11211 in its code: clients are sent to EVENKEEL_ADDRESS instead.
Its archive lacks the module tests.utils: this is the one function the tests take from it.
"""

import contextlib
import io
import os
import sys
import types

import memcache

original = memcache.Client.__init__


def connect(self, servers, *args, **kwargs):
    address = os.environ["EVENKEEL_ADDRESS"]
    servers = [address if server == "127.0.0.1:11211" else server for server in servers]
    original(self, servers, *args, **kwargs)


memcache.Client.__init__ = connect


@contextlib.contextmanager
def captured_stderr():
    with contextlib.redirect_stderr(io.StringIO()) as captured:
        yield captured


utils = types.ModuleType("tests.utils")
utils.captured_stderr = captured_stderr
sys.modules["tests.utils"] = utils
