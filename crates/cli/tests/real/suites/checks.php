<?php
// Shared by the PHP suites: each check prints one line, `ok NAME` or `not ok NAME # what`.

// Printed at the end: PHP starts no session once output has begun.
ob_start();

// The extensions are older than this PHP, whose deprecations are no faults of theirs.
set_error_handler(function ($level, $message) {
    throw new ErrorException($message, 0, $level);
}, E_ALL & ~E_DEPRECATED);
error_reporting(E_ALL & ~E_DEPRECATED);

// Runs one check; anything it throws, a warning among them, is its failure.
function check(string $name, callable $body): void
{
    try {
        $body();
        echo "ok $name\n";
    } catch (Throwable $fault) {
        $what = str_replace("\n", ' ', $fault->getMessage());
        echo "not ok $name # {$what} (line {$fault->getLine()})\n";
    }
}

// Expects exactly this value, of the same type.
function same($expected, $found, string $what = 'value'): void
{
    if ($expected !== $found) {
        throw new Exception("$what is " . brief($found) . ', not ' . brief($expected));
    }
}

function brief($value): string
{
    $text = var_export($value, true);
    return strlen($text) > 120 ? substr($text, 0, 120) . '…' : $text;
}

// A value that depends on its key, so that a mixed-up answer is seen.
function value_of(string $key, int $length = 40): string
{
    return str_pad('', $length, hash('sha256', $key));
}
