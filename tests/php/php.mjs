#!/usr/bin/env node
// PHP of the version that PHP_VERSION names, such as 8.4, run as the command `php` would be. It has MySQL's client, curl
// and OpenSSL, and no PostgreSQL; a lock of a file holds within a process only.
import { readFileSync } from 'node:fs';
import { PHP, FileLockManagerInMemory } from '@php-wasm/universal';
import { loadNodeRuntime, useHostFilesystem } from '@php-wasm/node';

// By itself it would read standard input as text, by pieces that part characters.
let input = null;
let place = 0;
const stdin = () => {
    input ??= readFileSync(0);
    return place < input.length ? input[place++] : null;
};
const runtime = await loadNodeRuntime(process.env.PHP_VERSION, {
    fileLockManager: new FileLockManagerInMemory(),
    emscriptenOptions: { processId: 1, stdin, ENV: { ...process.env, TERM: 'dumb' } },
});
const php = new PHP(runtime);
useHostFilesystem(php);
const written = (stream, to) => stream.pipeTo(new WritableStream({ write: (bytes) => new Promise((done) => to.write(bytes, done)) }));
const run = await php.cli(['php', ...process.argv.slice(2)]);
const ended = Promise.all([written(run.stdout, process.stdout), written(run.stderr, process.stderr)]);
// A script that exits by a number ends in an exception of that name.
const code = await run.exitCode.catch((error) => error.status ?? 1);
await ended;
process.exit(code);
