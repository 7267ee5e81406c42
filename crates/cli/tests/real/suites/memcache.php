<?php
// The API of the `memcache` extension (PECL), text protocol, one server: HOST:PORT.

require __DIR__ . '/checks.php';

[$host, $port] = explode(':', $argv[1]);
$port = (int) $port;

$m = new Memcache();

check('connect', function () use ($m, $host, $port) {
    same(true, $m->connect($host, $port, 1));
});

check('flush', function () use ($m) {
    $m->set('flushed', 'x');
    same(true, $m->flush());
    same(false, $m->get('flushed'));
});

check('set and get', function () use ($m) {
    same(true, $m->set('a', value_of('a')));
    same(value_of('a'), $m->get('a'));
    same(false, $m->get('none'));
});

check('types survive', function () use ($m) {
    $values = [1, -5, 1.5, true, false, '', 'text', [1, 'a' => [2]], PHP_INT_MAX, "\0\r\nEND\r\n"];
    foreach ($values as $idx => $value) {
        same(true, $m->set("type$idx", $value));
        same($value, $m->get("type$idx"));
    }
});

check('get returns flags and cas', function () use ($m) {
    $m->set('flagged', 'x', 0x10000);
    $flags = $cas = null;
    same('x', $m->get('flagged', $flags, $cas));
    same(0x10000, $flags);
    same(true, $cas > 0);
});

check('get of many keys', function () use ($m) {
    $expected = [];
    for ($i = 0; $i < 500; $i++) {
        $expected["multi$i"] = value_of("multi$i", 1 + $i * 7 % 900);
        same(true, $m->set("multi$i", $expected["multi$i"]));
    }
    $found = $m->get(array_keys($expected));
    ksort($expected);
    ksort($found);
    same($expected, $found);
    same(['multi1' => $expected['multi1']], $m->get(['gone1', 'multi1', 'gone2']));
});

check('get of many keys with flags and cas', function () use ($m) {
    $m->set('f1', 'x', 0x10000);
    $m->set('f2', 'y', 0x20000);
    $flags = $cas = null;
    $m->get(['f1', 'f2'], $flags, $cas);
    same([0x10000, 0x20000], [$flags['f1'], $flags['f2']]);
    same(true, $cas['f1'] > 0 && $cas['f2'] > 0);
});

check('set of many keys', function () use ($m) {
    same(true, $m->set(['s1' => 'x', 's2' => 'y']));
    same(['x', 'y'], [$m->get('s1'), $m->get('s2')]);
});

check('add', function () use ($m) {
    $m->delete('added');
    same(true, $m->add('added', 'one'));
    same(false, $m->add('added', 'two'));
    same('one', $m->get('added'));
});

check('replace', function () use ($m) {
    $m->delete('replaced');
    same(false, $m->replace('replaced', 'one'));
    $m->set('replaced', 'one');
    same(true, $m->replace('replaced', 'two'));
    same('two', $m->get('replaced'));
});

check('append and prepend', function () use ($m) {
    $m->delete('joined');
    same(false, $m->append('joined', 'x'));
    $m->set('joined', 'b');
    same(true, $m->append('joined', 'c'));
    same(true, $m->prepend('joined', 'a'));
    same('abc', $m->get('joined'));
});

check('cas', function () use ($m) {
    $m->set('cas', 'one');
    $flags = $cas = null;
    $m->get('cas', $flags, $cas);
    same(true, $m->cas('cas', 'two', 0, 0, $cas));
    same(false, $m->cas('cas', 'three', 0, 0, $cas));
    same('two', $m->get('cas'));
});

check('delete', function () use ($m) {
    $m->set('deleted', 'x');
    same(true, $m->delete('deleted'));
    same(false, $m->delete('deleted'));
    $m->set('d1', 1);
    $m->set('d2', 2);
    same(true, $m->delete(['d1', 'd2']));
    same([], $m->get(['d1', 'd2']));
});

check('increment and decrement', function () use ($m) {
    $m->delete('count');
    same(false, $m->increment('count'));
    $m->set('count', 5);
    same(6, $m->increment('count'));
    same(16, $m->increment('count', 10));
    same(15, $m->decrement('count'));
    same(0, $m->decrement('count', 100));
    $m->set('count2', 1);
    same(['count' => 1, 'count2' => 2], $m->increment(['count', 'count2']));
});

check('increment of what is no number', function () use ($m) {
    $m->set('words', 'abc');
    try {
        same(false, $m->increment('words'));
    } catch (ErrorException $notice) {
        same(true, str_contains($notice->getMessage(), 'non-numeric'), $notice->getMessage());
    }
    same('abc', $m->get('words'));
});

check('expiry', function () use ($m) {
    same(true, $m->set('soon', 'x', 0, 1));
    same(true, $m->set('at', 'x', 0, time() + 100));
    usleep(2100000);
    same([false, 'x'], [$m->get('soon'), $m->get('at')]);
});

check('compression by flag', function () use ($m) {
    $value = str_repeat(value_of('compressed'), 3000);
    same(true, $m->set('compressed', $value, MEMCACHE_COMPRESSED));
    $flags = null;
    same(true, $value === $m->get('compressed', $flags));
    same(MEMCACHE_COMPRESSED, $flags & MEMCACHE_COMPRESSED);
});

check('compression by threshold', function () use ($m) {
    same(true, $m->setCompressThreshold(1000, 0.2));
    $value = str_repeat('a', 50000);
    same(true, $m->set('threshold', $value));
    same(true, $value === $m->get('threshold'));
});

check('a value of almost 1 MiB', function () use ($m) {
    $value = random_bytes(1024 * 1024 - 512);
    same(true, $m->set('large', $value));
    same(true, $value === $m->get('large'));
});

check('a value over 1 MiB is refused and the connection lives', function () use ($m) {
    $m->set('before', 'x');
    try {
        same(false, $m->set('over', random_bytes(2 * 1024 * 1024)));
    } catch (ErrorException $notice) {
        same(true, str_contains($notice->getMessage(), 'too large'), $notice->getMessage());
    }
    same('x', $m->get('before'));
});

check('a key over the limit is cut by the client', function () use ($m) {
    $key = str_repeat('k', 250);
    same(true, $m->set($key, 'x'));
    same('x', $m->get($key));
    same('x', $m->get($key . 'more'));
});

check('getVersion', function () use ($m) {
    same(1, preg_match('/^\d+\.\d+\.\d+/', $m->getVersion()));
});

check('getStats', function () use ($m) {
    $stats = $m->getStats();
    foreach (['pid', 'uptime', 'version', 'curr_connections', 'cmd_get', 'get_hits'] as $name) {
        same(true, isset($stats[$name]), $name);
    }
});

check('getExtendedStats', function () use ($m, $host, $port) {
    $stats = $m->getExtendedStats();
    same(["$host:$port"], array_keys($stats));
    same(true, isset($stats["$host:$port"]['version']));
});

check('servers and their status', function () use ($m, $host, $port) {
    same(true, $m->getServerStatus($host, $port) > 0);
    same("$host:$port", $m->findServer('any'));
    same(true, $m->setServerParams($host, $port, 2, 15, true));
    same(true, $m->setFailureCallback(function () {
    }));
    same(true, $m->get('before') === 'x');
});

check('addServer', function () use ($host, $port) {
    $pool = new Memcache();
    same(true, $pool->addServer($host, $port, true, 1, 1, 15));
    same(true, $pool->set('pooled', 'x'));
    same('x', $pool->get('pooled'));
    same(true, $pool->close());
});

check('pconnect', function () use ($host, $port) {
    for ($i = 0; $i < 3; $i++) {
        $client = new Memcache();
        same(true, $client->pconnect($host, $port));
        same(true, $client->set("kept$i", $i));
        same($i, $client->get("kept$i"));
    }
});

check('MemcachePool', function () use ($host, $port) {
    $pool = new MemcachePool();
    same(true, $pool->addServer($host, $port, 0, true, 1, 1, 15));
    same(true, $pool->set('pooled', 'x'));
    same('x', $pool->get('pooled'));
    same(['pooled' => 'x'], $pool->get(['pooled', 'gone']));
});

check('functions beside the methods', function () use ($host, $port) {
    $client = memcache_connect($host, $port);
    same(true, memcache_set($client, 'function', 'x', 0, 100));
    same('x', memcache_get($client, 'function'));
    same(true, memcache_add($client, 'function2' . mt_rand(), 'x'));
    same(true, memcache_delete($client, 'function'));
    same(true, memcache_close($client));
});

check('close and connect again', function () use ($m, $host, $port) {
    same(true, $m->close());
    same(true, $m->connect($host, $port));
    same('x', $m->get('before'));
});

check('flush with a delay', function () use ($m) {
    $m->set('later', 'x');
    same(true, $m->flush(2));
    usleep(3200000);
    same(false, $m->get('later'));
});

check('sessions: write, read, destroy', function () use ($host, $port) {
    ini_set('session.use_cookies', '0');
    ini_set('session.cache_limiter', '');
    ini_set('session.save_handler', 'memcache');
    ini_set('session.save_path', "tcp://$host:$port");
    session_id('interop');
    same(true, session_start());
    $_SESSION['visits'] = 3;
    same(true, session_write_close());
    $_SESSION = [];
    session_start();
    same(3, $_SESSION['visits']);
    same(true, session_destroy());
    session_id('interop');
    session_start();
    same(false, isset($_SESSION['visits']));
});

check('getStats of slabs and items', function () use ($host, $port) {
    // A client of its own: an error answer makes this extension take the server for failed.
    $client = new Memcache();
    $client->connect($host, $port);
    same(true, is_array($client->getStats('slabs')));
    same(true, is_array($client->getStats('items')));
});
