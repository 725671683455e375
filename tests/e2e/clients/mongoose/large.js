"use strict";
// Messages up to the protocol's limits by Mongoose's models, and GridFS by its driver.
const assert = require("node:assert/strict");
const { randomBytes } = require("node:crypto");
const { gridfs100MB } = require("../node/large.js");
const { range } = require("../node/run.js");

const MIB = 1024 * 1024;

function model({ mongoose, connection }, name) {
    return connection.model(name, new mongoose.Schema({ _id: Number, blob: Buffer }));
}

async function document15MiB(world) {
    const Thing = model(world, "documents");
    const blob = randomBytes(15 * MIB);
    await Thing.create({ _id: 1, blob });
    assert.ok(blob.equals((await Thing.findById(1)).blob), "the bytes that were sent");
}

// More than one message holds, so that the driver fills one up to maxMessageSizeBytes.
async function batch48MB(world) {
    const Thing = model(world, "batches");
    const blob = randomBytes(1000000);
    const done = await Thing.insertMany(range(60).map((i) => ({ _id: i, blob })));
    assert.equal(done.length, 60);
    assert.ok(blob.equals((await Thing.findById(59)).blob), "the bytes that were sent");
    assert.equal(await Thing.countDocuments(), 60);
}

exports.options = {};
exports.checks = (world) => ({
    document15MiB: () => document15MiB(world),
    batch48MB: () => batch48MB(world),
    gridfs100MB: () => gridfs100MB(world.mongoose.mongo.GridFSBucket, world.connection.db),
});
