# needs: node
# Event loop, worker threads, child processes, streams, files, watching.
cat >t.js <<'J'
const fs = require('fs'), cp = require('child_process'), zlib = require('zlib'),
	crypto = require('crypto'), path = require('path'),
	{ Worker, isMainThread, parentPort, workerData } = require('worker_threads'),
	{ pipeline } = require('stream/promises');

if (!isMainThread) {
	const view = new Int32Array(workerData);
	for (let i = 0; i < 1000; i++)
		Atomics.add(view, 0, 1);
	parentPort.postMessage('done');
} else {
	main().then(() => console.log('end'));
}

async function main() {
	const shared = new SharedArrayBuffer(4);
	await Promise.all([...Array(4)].map(() => new Promise(res => {
		new Worker(__filename, { workerData: shared }).on('exit', res);
	})));
	console.log('workers', new Int32Array(shared)[0]);
	const out = await Promise.all([...Array(6)].map((_, i) => new Promise(res =>
		cp.exec(`echo ${i}; exit ${i}`, (e, so) => res([so.trim(), e ? e.code : 0])))));
	console.log('children', JSON.stringify(out));
	fs.writeFileSync('kid.js',
		'process.on("message", m => { process.send(m * 2); process.disconnect(); })');
	const kid = cp.fork('./kid.js');
	kid.send(21);
	console.log('ipc', await new Promise(res => kid.on('message', res)));
	await new Promise(res => kid.on('exit', res));
	fs.writeFileSync('big', Buffer.alloc(3000000, 'abc'));
	await pipeline(fs.createReadStream('big'), zlib.createGzip(), fs.createWriteStream('big.gz'));
	await pipeline(fs.createReadStream('big.gz'), zlib.createGunzip(), fs.createWriteStream('big2'));
	console.log('zip', crypto.createHash('sha1').update(fs.readFileSync('big2')).digest('hex'));
	fs.mkdirSync('a/b/c', { recursive: true });
	for (let i = 0; i < 50; i++)
		fs.writeFileSync(`a/b/c/${i}`, String(i));
	console.log('dir', fs.readdirSync('a/b/c').length);
	fs.rmSync('a', { recursive: true });
	const alive = setInterval(() => {}, 1000);
	const usr2 = new Promise(res => process.on('SIGUSR2', res));
	process.kill(process.pid, 'SIGUSR2');
	console.log('signal', await usr2);
	clearInterval(alive);
	const server = require('net').createServer(s => s.end('served')).listen('sock');
	console.log('unix', await new Promise(res => require('net').connect('sock')
		.on('data', d => res(String(d)))));
	server.close();
	await new Promise(res => setImmediate(res));
	console.log('cpus', require('os').cpus().length > 0, require('os').totalmem() > 0);
}
J
node t.js >out || exit 1
cat out
grep -q "^end$" out
