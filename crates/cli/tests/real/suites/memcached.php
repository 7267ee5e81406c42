<?php
// The API of the `memcached` extension (libmemcached), text protocol, one server: HOST:PORT.

require __DIR__ . '/checks.php';

[$host, $port] = explode(':', $argv[1]);
$port = (int) $port;

function connect(array $options = []): Memcached
{
    global $host, $port;
    $client = new Memcached();
    $client->setOptions([Memcached::OPT_COMPRESSION => false] + $options);
    $client->addServer($host, $port);
    return $client;
}

function result(Memcached $client, int $code): void
{
    same($code, $client->getResultCode(), $client->getResultMessage() . ': result code');
}

$m = connect();

check('flush', function () use ($m) {
    $m->set('flushed', 'x');
    same(true, $m->flush());
    same(false, $m->get('flushed'));
});

check('set and get', function () use ($m) {
    same(true, $m->set('a', value_of('a')));
    same(value_of('a'), $m->get('a'));
    result($m, Memcached::RES_SUCCESS);
});

check('get of a key that is not there', function () use ($m) {
    same(false, $m->get('none'));
    result($m, Memcached::RES_NOTFOUND);
});

check('get with a read-through callback', function () use ($m) {
    $load = function ($client, $key, &$value) {
        $value = "loaded $key";
        return true;
    };
    same('loaded through', $m->get('through', $load));
    same('loaded through', $m->get('through'));
});

check('get extended gives cas and flags', function () use ($m) {
    $m->setOption(Memcached::OPT_USER_FLAGS, 7);
    $m->set('extended', 'x');
    $m->setOption(Memcached::OPT_USER_FLAGS, -1);
    $found = $m->get('extended', null, Memcached::GET_EXTENDED);
    same('x', $found['value']);
    same(7, $found['flags']);
    same('integer', gettype($found['cas']));
});

check('types survive', function () use ($m) {
    $values = [1, -5, 1.5, true, false, '', 'text', [1, 'a' => [2]], PHP_INT_MAX, "\0\r\nEND\r\n"];
    foreach ($values as $idx => $value) {
        same(true, $m->set("type$idx", $value));
        same($value, $m->get("type$idx"));
        result($m, Memcached::RES_SUCCESS);
    }
    $object = new stdClass();
    $object->field = [1, 2];
    $m->set('object', $object);
    same([1, 2], $m->get('object')->field);
});

check('add', function () use ($m) {
    $m->delete('added');
    same(true, $m->add('added', 'one'));
    same(false, $m->add('added', 'two'));
    result($m, Memcached::RES_NOTSTORED);
    same('one', $m->get('added'));
});

check('replace', function () use ($m) {
    $m->delete('replaced');
    same(false, $m->replace('replaced', 'one'));
    result($m, Memcached::RES_NOTSTORED);
    $m->set('replaced', 'one');
    same(true, $m->replace('replaced', 'two'));
    same('two', $m->get('replaced'));
});

check('append and prepend', function () use ($m) {
    $m->delete('joined');
    same(false, $m->append('joined', 'x'));
    result($m, Memcached::RES_NOTSTORED);
    $m->set('joined', 'b');
    same(true, $m->append('joined', 'c'));
    same(true, $m->prepend('joined', 'a'));
    same('abc', $m->get('joined'));
});

check('cas', function () use ($m) {
    $m->set('cas', 'one');
    $token = $m->get('cas', null, Memcached::GET_EXTENDED)['cas'];
    same(true, $m->cas($token, 'cas', 'two'));
    same(false, $m->cas($token, 'cas', 'three'));
    result($m, Memcached::RES_DATA_EXISTS);
    same('two', $m->get('cas'));
    $m->delete('cas');
    same(false, $m->cas($token, 'cas', 'x'));
    result($m, Memcached::RES_NOTFOUND);
});

check('delete', function () use ($m) {
    $m->set('deleted', 'x');
    same(true, $m->delete('deleted'));
    same(false, $m->delete('deleted'));
    result($m, Memcached::RES_NOTFOUND);
});

check('increment and decrement', function () use ($m) {
    $m->delete('count');
    same(false, $m->increment('count'));
    result($m, Memcached::RES_NOTFOUND);
    $m->set('count', 5);
    same(6, $m->increment('count'));
    same(16, $m->increment('count', 10));
    same(15, $m->decrement('count'));
    same(0, $m->decrement('count', 100));
    $m->set('count', '18446744073709551615');
    same(0, $m->increment('count'), 'a counter wraps at 64 bits');
});

check('increment of what is no number', function () use ($m) {
    $m->set('words', 'abc');
    same(false, $m->increment('words'));
    result($m, Memcached::RES_CLIENT_ERROR);
    same('abc', $m->get('words'));
});

check('touch and expiry', function () use ($m) {
    same(true, $m->set('soon', 'x', 1));
    same(true, $m->set('touched', 'x', 1));
    same(true, $m->touch('touched', 100));
    same(true, $m->set('at', 'x', time() + 100));
    same(true, $m->set('past', 'x', time() - 100));
    same(false, $m->touch('touch none', 100));
    usleep(2100000);
    same([false, 'x', 'x', false], array_map([$m, 'get'], ['soon', 'touched', 'at', 'past']));
});

check('setMulti and getMulti', function () use ($m) {
    $items = [];
    for ($i = 0; $i < 500; $i++) {
        $items["multi$i"] = value_of("multi$i", 1 + $i * 7 % 900);
    }
    same(true, $m->setMulti($items, 100));
    $found = $m->getMulti(array_keys($items));
    ksort($items);
    ksort($found);
    same($items, $found);
});

check('getMulti leaves out what is missing', function () use ($m) {
    $m->set('here', 'x');
    same(['here' => 'x'], $m->getMulti(['gone1', 'here', 'gone2']));
    same([], $m->getMulti(['gone1', 'gone2']));
    $ordered = $m->getMulti(['gone1', 'here'], Memcached::GET_PRESERVE_ORDER);
    same(['gone1' => null, 'here' => 'x'], $ordered);
});

check('getMulti extended', function () use ($m) {
    $m->setMulti(['e1' => 'x', 'e2' => 'y']);
    $found = $m->getMulti(['e1', 'e2'], Memcached::GET_EXTENDED);
    same(true, $found['e1']['cas'] > 0 && $found['e2']['cas'] > 0);
    same(['x', 'y'], [$found['e1']['value'], $found['e2']['value']]);
});

check('deleteMulti', function () use ($m) {
    $m->setMulti(['d1' => 1, 'd2' => 2]);
    $found = $m->deleteMulti(['d1', 'd2', 'd3']);
    same(['d1' => true, 'd2' => true, 'd3' => Memcached::RES_NOTFOUND], $found);
});

check('getDelayed, fetch and fetchAll', function () use ($m) {
    $m->setMulti(['l1' => 'x', 'l2' => 'y']);
    same(true, $m->getDelayed(['l1', 'l2', 'l3'], true));
    $found = [];
    while ($item = $m->fetch()) {
        same(true, $item['cas'] > 0);
        $found[$item['key']] = $item['value'];
    }
    ksort($found);
    same(['l1' => 'x', 'l2' => 'y'], $found);
    $m->getDelayed(['l1', 'l2']);
    same(2, count($m->fetchAll()));
});

check('getDelayed with a callback', function () use ($m) {
    $m->setMulti(['l1' => 'x', 'l2' => 'y']);
    $found = [];
    $m->getDelayed(['l1', 'l2'], false, function ($client, $item) use (&$found) {
        $found[$item['key']] = $item['value'];
    });
    ksort($found);
    same(['l1' => 'x', 'l2' => 'y'], $found);
});

check('the ByKey family', function () use ($m) {
    same(true, $m->setByKey('s', 'bk', 'b'));
    same('b', $m->getByKey('s', 'bk'));
    same(false, $m->addByKey('s', 'bk', 'x'));
    same(true, $m->replaceByKey('s', 'bk', 'b2'));
    same(true, $m->appendByKey('s', 'bk', 'c'));
    same(true, $m->prependByKey('s', 'bk', 'a'));
    same('ab2c', $m->getByKey('s', 'bk'));
    $token = $m->getByKey('s', 'bk', null, Memcached::GET_EXTENDED)['cas'];
    same(true, $m->casByKey($token, 's', 'bk', 'cas'));
    same(true, $m->touchByKey('s', 'bk', 50));
    same(true, $m->setMultiByKey('s', ['bm1' => 1, 'bm2' => 2]));
    same(['bm1' => 1, 'bm2' => 2], $m->getMultiByKey('s', ['bm1', 'bm2']));
    same(true, $m->getDelayedByKey('s', ['bm1']));
    same(1, count($m->fetchAll()));
    same(2, $m->incrementByKey('s', 'bm1'));
    same(1, $m->decrementByKey('s', 'bm1'));
    same(['bm1' => true, 'bm2' => true], $m->deleteMultiByKey('s', ['bm1', 'bm2']));
    same(true, $m->deleteByKey('s', 'bk'));
});

check('a value of almost 1 MiB', function () use ($m) {
    $value = random_bytes(1024 * 1024 - 512);
    same(true, $m->set('large', $value));
    same(true, $value === $m->get('large'));
});

check('a value over 1 MiB is refused and the connection lives', function () use ($m) {
    $m->set('before', 'x');
    $m->set('over', 'small');
    same(false, $m->set('over', str_repeat('x', 2 * 1024 * 1024)));
    result($m, Memcached::RES_E2BIG);
    same('x', $m->get('before'));
});

check('keys at and over the limit', function () use ($m) {
    $key = str_repeat('k', 250);
    same(true, $m->set($key, 'x'));
    same('x', $m->get($key));
    same(false, $m->set($key . 'k', 'x'));
    result($m, Memcached::RES_BAD_KEY_PROVIDED);
    same(false, $m->get('with space'));
    result($m, Memcached::RES_BAD_KEY_PROVIDED);
    same(true, $m->checkKey('good'));
    same(false, $m->checkKey("bad\n"));
});

check('prefix key', function () use ($m) {
    $prefixed = connect([Memcached::OPT_PREFIX_KEY => 'app1:']);
    $prefixed->set('inner', 'x');
    same('x', $prefixed->get('inner'));
    same(['inner' => 'x'], $prefixed->getMulti(['inner']));
    same('x', $m->get('app1:inner'));
});

check('compression', function () {
    foreach ([Memcached::COMPRESSION_FASTLZ, Memcached::COMPRESSION_ZLIB] as $type) {
        $options = [Memcached::OPT_COMPRESSION => true, Memcached::OPT_COMPRESSION_TYPE => $type];
        $client = connect($options);
        $value = str_repeat(value_of('compressed'), 5000);
        same(true, $client->set("compressed$type", $value));
        same(true, $value === $client->get("compressed$type"));
    }
});

check('serializers', function () {
    $kinds = [Memcached::SERIALIZER_PHP, Memcached::SERIALIZER_IGBINARY,
        Memcached::SERIALIZER_JSON_ARRAY, Memcached::SERIALIZER_MSGPACK];
    foreach ($kinds as $kind) {
        $client = connect([Memcached::OPT_SERIALIZER => $kind]);
        $client->set("serial$kind", ['a' => [1, 2], 'b' => null]);
        same(['a' => [1, 2], 'b' => null], $client->get("serial$kind"));
    }
});

check('noreply', function () use ($m) {
    $quiet = connect([Memcached::OPT_NOREPLY => true]);
    for ($i = 0; $i < 100; $i++) {
        $quiet->set("quiet$i", value_of("quiet$i"));
    }
    $quiet->delete('quiet0');
    $quiet->set('number', 1);
    $quiet->append('quiet1', '+');
    $quiet->touch('quiet2', 100);
    $quiet->quit();
    usleep(100000);
    same(false, $m->get('quiet0'));
    same(value_of('quiet1') . '+', $m->get('quiet1'));
    for ($i = 2; $i < 100; $i++) {
        same(value_of("quiet$i"), $m->get("quiet$i"));
    }
});

check('buffered writes', function () use ($m) {
    $buffered = connect([Memcached::OPT_BUFFER_WRITES => true]);
    for ($i = 0; $i < 300; $i++) {
        $buffered->set("buffered$i", value_of("buffered$i"));
    }
    same(true, $buffered->flushBuffers());
    for ($i = 0; $i < 300; $i++) {
        same(value_of("buffered$i"), $buffered->get("buffered$i"));
    }
});

check('non-blocking, no delay and timeouts', function () {
    $client = connect([
        Memcached::OPT_NO_BLOCK => true,
        Memcached::OPT_TCP_NODELAY => true,
        Memcached::OPT_TCP_KEEPALIVE => true,
        Memcached::OPT_CONNECT_TIMEOUT => 1000,
        Memcached::OPT_POLL_TIMEOUT => 1000,
        Memcached::OPT_RETRY_TIMEOUT => 1,
        Memcached::OPT_SERVER_FAILURE_LIMIT => 2,
    ]);
    for ($i = 0; $i < 50; $i++) {
        same(true, $client->set("nb$i", value_of("nb$i", 5000)));
        same(value_of("nb$i", 5000), $client->get("nb$i"));
    }
});

check('libketama options', function () {
    $client = connect([Memcached::OPT_LIBKETAMA_COMPATIBLE => true,
        Memcached::OPT_REMOVE_FAILED_SERVERS => true]);
    same(true, $client->set('ketama', 'x'));
    same('x', $client->get('ketama'));
});

check('getVersion', function () use ($m, $host, $port) {
    $versions = $m->getVersion();
    same(["$host:$port"], array_keys($versions));
    same(1, preg_match('/^\d+\.\d+\.\d+/', $versions["$host:$port"]));
});

check('getStats', function () use ($m, $host, $port) {
    $stats = $m->getStats();
    same(["$host:$port"], array_keys($stats));
    foreach (['pid', 'uptime', 'version', 'curr_connections', 'cmd_get', 'get_hits'] as $name) {
        same(true, isset($stats["$host:$port"][$name]), $name);
    }
});

check('server list', function () use ($m, $host, $port) {
    same($host, $m->getServerList()[0]['host']);
    same($port, $m->getServerByKey('any')['port']);
    $other = new Memcached();
    same(true, $other->addServers([[$host, $port], [$host, $port]]));
    same(2, count($other->getServerList()));
    same(true, $other->resetServerList());
    same([], $other->getServerList());
});

check('options, errors and persistence', function () use ($m, $host, $port) {
    same(false, $m->getOption(Memcached::OPT_BINARY_PROTOCOL) === 1);
    same(true, $m->isPristine());
    same(false, $m->isPersistent());
    $kept = new Memcached('pool');
    $kept->addServer($host, $port);
    same(true, $kept->isPersistent());
    same(true, $kept->set('kept', 'x'));
    $again = new Memcached('pool');
    same('x', $again->get('kept'));
    same('SUCCESS', $again->getResultMessage());
    same(0, $again->getLastErrorCode());
});

check('quit and reconnect', function () use ($m) {
    $m->set('stays', 'x');
    same(true, $m->quit());
    same('x', $m->get('stays'));
});

check('flush with a delay', function () use ($m) {
    $m->set('later', 'x');
    same(true, $m->flush(2));
    same('x', $m->get('later'));
    usleep(3200000);
    same(false, $m->get('later'));
});

check('sessions: write, read, lock, destroy', function () use ($m, $host, $port) {
    ini_set('session.use_cookies', '0');
    ini_set('session.cache_limiter', '');
    ini_set('session.save_handler', 'memcached');
    ini_set('session.save_path', "$host:$port");
    ini_set('memcached.sess_binary_protocol', '0');
    session_id('interop');
    same(true, session_start());
    $_SESSION['visits'] = 3;
    same('1', $m->get('memc.sess.key.lock.interop'), 'the lock');
    same(true, session_write_close());
    same(false, $m->get('memc.sess.key.lock.interop'), 'the lock');
    $_SESSION = [];
    session_start();
    same(3, $_SESSION['visits']);
    same(true, session_destroy());
    same(false, $m->get('memc.sess.key.interop'));
});

check('binary protocol', function () {
    $client = connect([Memcached::OPT_BINARY_PROTOCOL => true]);
    same(true, $client->set('binary', 'x'));
    same('x', $client->get('binary'));
});
