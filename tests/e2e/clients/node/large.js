"use strict";
// Messages up to the protocol's limits, and a long GridFS file, by the Node driver.
const assert = require("node:assert/strict");
const { createHash, randomBytes } = require("node:crypto");
const { once } = require("node:events");
const mongodb = require("mongodb");
const { range } = require("./run.js");

const MIB = 1024 * 1024;

async function document15MiB(db) {
    const things = db.collection("documents");
    const blob = randomBytes(15 * MIB);
    await things.insertOne({ _id: 1, blob });
    const back = await things.findOne({ _id: 1 });
    assert.ok(blob.equals(back.blob.value()), "the bytes that were sent");
}

// More than one message holds, so that the driver fills one up to maxMessageSizeBytes.
async function batch48MB(db) {
    const things = db.collection("batches");
    const part = randomBytes(1000000);
    const done = await things.insertMany(range(60).map((i) => ({ _id: i, part })));
    assert.equal(done.insertedCount, 60);
    const last = await things.findOne({ _id: 59 });
    assert.ok(part.equals(last.part.value()), "the bytes that were sent");
    assert.equal((await things.find({}, { projection: { _id: 1 } }).toArray()).length, 60);
}

async function gridfs100MB(GridFSBucket, db) {
    const bucket = new GridFSBucket(db);
    const [sent, read] = [createHash("sha256"), createHash("sha256")];
    const upload = bucket.openUploadStream("big");
    for (const i of range(100)) {
        const piece = Buffer.alloc(MIB, i);
        sent.update(piece);
        if (!upload.write(piece)) {
            await once(upload, "drain");
        }
    }
    upload.end();
    await once(upload, "finish");
    for await (const piece of bucket.openDownloadStreamByName("big")) {
        read.update(piece);
    }
    assert.equal(read.digest("hex"), sent.digest("hex"));
    assert.equal((await bucket.find().toArray())[0].length, 100 * MIB);
    await bucket.delete(upload.id);
}

exports.gridfs100MB = gridfs100MB;
exports.options = {};
exports.checks = ({ db }) => ({
    document15MiB: () => document15MiB(db),
    batch48MB: () => batch48MB(db),
    gridfs100MB: () => gridfs100MB(mongodb.GridFSBucket, db),
});
