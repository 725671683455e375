"use strict";
// What an application does every day, by the Node driver.
const assert = require("node:assert/strict");
const driver = require("mongodb");
const { rejected, range } = require("./run.js");

async function crud({ db }) {
    const things = db.collection("crud");
    await things.insertOne({ _id: 0, n: 0 });
    await things.insertMany(range(20).map((i) => ({ _id: i + 1, n: i % 3 })));
    assert.equal((await things.findOne({ _id: 7 })).n, 0);
    assert.equal((await things.updateMany({ n: 1 }, { $set: { n: 9 } })).modifiedCount, 7);
    assert.equal((await things.replaceOne({ _id: 2 }, { n: 5 })).modifiedCount, 1);
    const upsert = await things.updateOne({ _id: 99 }, { $inc: { n: 1 } }, { upsert: true });
    assert.equal(upsert.upsertedId, 99);
    const after = await things.findOneAndUpdate({ _id: 99 }, { $inc: { n: 1 } },
        { returnDocument: "after" });
    assert.equal(after.n, 2);
    assert.equal((await things.deleteMany({ n: 9 })).deletedCount, 6);
    assert.equal(await things.countDocuments(), 16);
}

async function aggregation({ db }) {
    const things = db.collection("aggregation");
    await things.insertMany(range(1000).map((i) => ({ _id: i, n: i % 10 })));
    const groups = await things.aggregate([
        { $match: { n: { $lt: 5 } } },
        { $group: { _id: "$n", sum: { $sum: "$_id" } } },
        { $sort: { _id: 1 } },
    ], { batchSize: 2 }).toArray();
    assert.deepEqual(groups, range(5).map((n) => ({ _id: n, sum: 49500 + 100 * n })));
    await things.aggregate([{ $match: { n: 3 } }, { $merge: { into: "merged" } }]).toArray();
    assert.equal(await db.collection("merged").countDocuments(), 100);
}

async function cursors({ db }) {
    const things = db.collection("cursors");
    await things.insertMany(range(3000).map((i) => ({ _id: i })));
    const walk = () => things.find().sort({ _id: 1 }).batchSize(100);
    const three = [walk(), walk(), walk()];
    for (const i of range(3000)) {
        for (const cursor of three) {
            assert.equal((await cursor.next())._id, i);
        }
    }
    assert.equal(await three[0].next(), null);
    const half = walk();
    await half.next();
    const id = half.id;
    await half.close();
    const error = await rejected(db.command({ getMore: id, collection: "cursors" }));
    assert.equal(error.code, 43, "a closed cursor is gone from the server");
}

async function bulk({ client, db }) {
    const things = db.collection("bulk");
    const done = await things.bulkWrite([
        { insertOne: { document: { _id: 1 } } },
        { insertOne: { document: { _id: 2 } } },
        { updateMany: { filter: {}, update: { $set: { n: 1 } } } },
        { replaceOne: { filter: { _id: 3 }, replacement: { n: 3 }, upsert: true } },
        { deleteOne: { filter: { _id: 1 } } },
    ]);
    assert.deepEqual([done.insertedCount, done.modifiedCount, done.upsertedCount,
        done.deletedCount], [2, 2, 1, 1]);
    const error = await rejected(things.insertMany([{ _id: 2 }, { _id: 4 }, { _id: 3 }],
        { ordered: false }));
    assert.ok(error instanceof driver.MongoBulkWriteError, String(error));
    assert.deepEqual(error.writeErrors.map((e) => [e.index, e.code]), [[0, 11000], [2, 11000]]);
    assert.equal(await things.countDocuments(), 3);
    const across = await client.bulkWrite([
        { name: "insertOne", namespace: `${db.databaseName}.bulk`, document: { _id: 10 } },
        { name: "deleteMany", namespace: `${db.databaseName}.other`, filter: {} },
    ]);
    assert.equal(across.insertedCount, 1);
}

async function indexes({ db }) {
    const things = db.collection("indexes");
    await things.createIndex({ name: 1 }, { unique: true });
    await things.createIndexes([{ key: { a: 1, b: -1 } }, { key: { c: 1 }, sparse: true }]);
    const names = (await things.listIndexes().toArray()).map((index) => index.name).sort();
    assert.deepEqual(names, ["_id_", "a_1_b_-1", "c_1", "name_1"]);
    await things.insertOne({ name: "x" });
    assert.equal((await rejected(things.insertOne({ name: "x" }))).code, 11000);
    await things.dropIndex("name_1");
    await things.insertOne({ name: "x" });
    assert.equal((await things.listIndexes().toArray()).length, 3);
}

async function sessions({ client, db }) {
    const things = db.collection("sessions");
    await client.withSession({ causalConsistency: true }, async (session) => {
        for (const i of range(10)) {
            await things.insertOne({ _id: i }, { session });
            assert.equal((await things.findOne({ _id: i }, { session }))._id, i);
        }
        assert.ok(session.operationTime, "operationTime was learnt");
        assert.ok(session.clusterTime, "clusterTime was learnt");
    });
}

async function transactions({ client, db }) {
    const [one, two] = [await db.createCollection("one"), await db.createCollection("two")];
    await client.withSession(async (session) => {
        session.startTransaction({ writeConcern: { w: "majority" } });
        await one.insertOne({ _id: 1 }, { session });
        await two.insertOne({ _id: 1 }, { session });
        assert.equal(await one.countDocuments(), 0, "nobody else sees it before the commit");
        assert.equal((await one.findOne({}, { session }))._id, 1);
        await session.commitTransaction();
        session.startTransaction();
        await one.insertOne({ _id: 2 }, { session });
        await session.abortTransaction();
        await session.withTransaction(async () => {
            await two.updateOne({ _id: 1 }, { $set: { n: 1 } }, { session });
            await one.deleteOne({ _id: 1 }, { session });
        });
    });
    assert.deepEqual(await one.find().toArray(), []);
    assert.deepEqual(await two.find().toArray(), [{ _id: 1, n: 1 }]);
}

async function transactionConflict({ client, db }) {
    const things = await db.createCollection("conflict");
    await things.insertOne({ _id: 1 });
    await client.withSession((first) => client.withSession(async (second) => {
        first.startTransaction();
        second.startTransaction();
        await things.updateOne({ _id: 1 }, { $set: { by: 1 } }, { session: first });
        const error = await rejected(
            things.updateOne({ _id: 1 }, { $set: { by: 2 } }, { session: second }));
        assert.equal(error.code, 112);
        assert.ok(error.hasErrorLabel("TransientTransactionError"), String(error));
        await second.abortTransaction();
        await first.commitTransaction();
    }));
    assert.equal((await things.findOne()).by, 1);
}

async function changeStreams({ db }) {
    const things = await db.createCollection("watched");
    const stream = things.watch([], { fullDocument: "updateLookup", maxAwaitTimeMS: 200 });
    assert.equal(await stream.tryNext(), null, "the server's cursor is open");
    await things.insertOne({ _id: 1 });
    await things.updateOne({ _id: 1 }, { $set: { n: 2 } });
    await things.deleteOne({ _id: 1 });
    const first = await stream.next();
    assert.equal(first.operationType, "insert");
    assert.equal((await stream.next()).operationType, "update");
    await stream.close();
    const resumed = things.watch([], { resumeAfter: first._id });
    assert.equal((await resumed.next()).operationType, "update");
    assert.equal((await resumed.next()).operationType, "delete");
    await resumed.close();
}

async function readPreferences({ db }) {
    await db.collection("preferred").insertMany(range(100).map((i) => ({ _id: i })));
    for (const readPreference of ["primaryPreferred", "secondaryPreferred", "nearest"]) {
        const reading = db.collection("preferred", { readPreference });
        assert.equal((await reading.find({}, { batchSize: 30 }).toArray()).length, 100);
        assert.equal(await reading.countDocuments({ _id: { $lt: 9 } }), 9);
    }
}

async function unacknowledged({ db }) {
    const things = await db.createCollection("unacknowledged");
    const quiet = db.collection("unacknowledged", { writeConcern: { w: 0 } });
    for (const i of range(30)) {
        const result = await quiet.insertOne({ _id: i });
        assert.equal(result.acknowledged, false);
    }
    const end = Date.now() + 10000;
    while (await things.countDocuments() !== 30) {
        assert.ok(Date.now() < end, "unacknowledged writes arrive");
    }
}

async function errors({ db }) {
    const things = db.collection("errors");
    await things.insertMany(range(1000).map((i) => ({ _id: i, n: i % 7 })));
    const duplicate = await rejected(things.insertOne({ _id: 1 }));
    assert.ok(duplicate instanceof driver.MongoServerError, String(duplicate));
    assert.equal(duplicate.code, 11000);
    assert.deepEqual(duplicate.keyValue, { _id: 1 });
    const unknown = await rejected(db.command({ noSuchCommand: 1 }));
    assert.ok(unknown instanceof driver.MongoServerError, String(unknown));
    assert.equal(unknown.codeName, "CommandNotFound");
    const pairs = [{ $lookup: { from: "errors", pipeline: [], as: "all" } }, { $count: "n" }];
    const late = await rejected(things.aggregate(pairs, { maxTimeMS: 1 }).toArray());
    assert.ok(late instanceof driver.MongoServerError, String(late));
    assert.equal(late.codeName, "MaxTimeMSExpired");
    assert.equal(await things.countDocuments(), 1000, "the connection goes on working");
}

// With apiStrict the server itself must have heard of it: it refuses what is not in version 1.
async function serverApi({ db, strict }) {
    await db.collection("api").insertOne({ _id: 1 });
    const distinct = db.collection("api").distinct("_id");
    if (strict) {
        assert.equal((await rejected(distinct)).codeName, "APIStrictError");
    } else {
        assert.deepEqual(await distinct, [1]);
    }
}

const all = {
    crud, aggregation, cursors, bulk, indexes, sessions, transactions, transactionConflict,
    changeStreams, readPreferences, unacknowledged, errors, serverApi,
};

exports.options = {};
exports.checks = (world) =>
    Object.fromEntries(Object.entries(all).map(([name, check]) => [name, () => check(world)]));
