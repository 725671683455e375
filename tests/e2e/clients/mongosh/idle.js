// An idle shell's monitors neither fail nor run in a busy loop.
load(require("path").join(__dirname, "run.js"));

const [EVERY_MS, IDLE_MS] = [500, 4000];

function monitors() {
    const count = { serverHeartbeatSucceeded: 0, serverHeartbeatFailed: 0 };
    const client = db.getMongo()._serviceProvider.mongoClient;
    for (const name of Object.keys(count)) {
        client.on(name, () => count[name]++);
    }
    sleep(IDLE_MS);
    const said = JSON.stringify(count);
    assert.ok(count.serverHeartbeatSucceeded >= IDLE_MS / EVERY_MS / 2, said);
    assert.ok(count.serverHeartbeatSucceeded <= 2 * IDLE_MS / EVERY_MS, said);
    assert.equal(count.serverHeartbeatFailed, 0, said);
    assert.equal(db.runCommand({ ping: 1 }).ok, 1);
}

run({ monitors });
