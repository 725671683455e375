"use strict";
// An idle client's monitors neither fail nor run in a busy loop.
const assert = require("node:assert/strict");
const { setTimeout: sleep } = require("node:timers/promises");

const EVERY_MS = 500;
const IDLE_MS = 4000;

async function monitors(client, db) {
    const count = { serverHeartbeatSucceeded: 0, serverHeartbeatFailed: 0,
        connectionPoolCleared: 0, topologyDescriptionChanged: 0 };
    await db.command({ ping: 1 });
    for (const name of Object.keys(count)) {
        client.on(name, () => count[name]++);
    }
    await sleep(IDLE_MS);
    const said = JSON.stringify(count);
    assert.ok(count.serverHeartbeatSucceeded >= IDLE_MS / EVERY_MS / 2, said);
    assert.ok(count.serverHeartbeatSucceeded <= 2 * IDLE_MS / EVERY_MS, said);
    assert.equal(count.serverHeartbeatFailed + count.connectionPoolCleared, 0, said);
    await db.command({ ping: 1 });
}

exports.monitors = monitors;
exports.options = { heartbeatFrequencyMS: EVERY_MS };
exports.checks = ({ client, db }) => ({ monitors: () => monitors(client, db) });
