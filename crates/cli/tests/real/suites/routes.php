<?php
// Both PHP extensions through two prefix routes to one pool, one of which strips its prefix.
// Arguments: the proxy, the server of the listener's own pool, the server of the routes' pool.

require __DIR__ . '/checks.php';

function memcached(string $address): Memcached
{
    $client = new Memcached();
    [$host, $port] = explode(':', $address);
    $client->addServer($host, (int) $port);
    return $client;
}

[$proxy, $main, $users] = array_map('memcached', array_slice($argv, 1));
$asked = ['/east/1', 'page:1', 'none', 'user:1', '/east/none'];
$values = ['/east/1' => 'e', 'page:1' => 'p', 'user:1' => 'u'];

check('memcached: values', function () use ($proxy, $main, $users, $asked, $values) {
    same(true, $proxy->setMulti($values));
    same($values, $proxy->getMulti($asked));
    same(['p', false, false], array_map([$main, 'get'], ['page:1', 'user:1', '1']));
    same(['u', 'e', false], array_map([$users, 'get'], ['user:1', '1', '/east/1']));
});

check('memcached: cas and delete', function () use ($proxy, $users, $values) {
    foreach (array_keys($values) as $key) {
        $token = $proxy->get($key, null, Memcached::GET_EXTENDED)['cas'];
        same(true, $proxy->cas($token, $key, 'new'));
        same(false, $proxy->cas($token, $key, 'late'));
        same('new', $proxy->get($key));
        same(true, $proxy->delete($key));
    }
    same(false, $users->get('1'));
});

check('memcached: noreply', function () use ($proxy, $users, $asked, $values) {
    $proxy->setOption(Memcached::OPT_NOREPLY, true);
    for ($turn = 0; $turn < 5; $turn++) {
        $proxy->setMulti($values);
        same($values, $proxy->getMulti($asked));
        $proxy->deleteMulti(array_keys($values));
        same([], $proxy->getMulti($asked));
    }
});

check('memcache: values and delete', function () use ($argv, $asked, $values) {
    $client = new Memcache();
    [$host, $port] = explode(':', $argv[1]);
    $client->connect($host, (int) $port, 1);
    foreach ($values as $key => $value) {
        same(true, $client->set($key, $value));
    }
    same($values, $client->get($asked));
    same(true, $client->delete('/east/1'));
    unset($values['/east/1']);
    same($values, $client->get($asked));
});
