"use strict";
// What an application does every day, by Mongoose's models.
const assert = require("node:assert/strict");
const { once } = require("node:events");
const { rejected, range } = require("../node/run.js");

// A model of documents {_id: Number, n: Number} and what more is given, under that name.
function model({ mongoose, connection }, name, fields = {}, options = {}) {
    const schema = new mongoose.Schema({ _id: Number, n: Number, ...fields },
        { versionKey: false, collection: name, ...options });
    return connection.model(name, schema);
}

async function crud(world) {
    const Thing = model(world, "crud");
    await Thing.create({ _id: 0, n: 0 });
    await Thing.insertMany(range(20).map((i) => ({ _id: i + 1, n: i % 3 })));
    const seven = await Thing.findById(7);
    seven.n = 70;
    await seven.save();
    assert.equal((await Thing.findOne({ n: 70 }))._id, 7);
    assert.equal((await Thing.updateMany({ n: 1 }, { n: 9 })).modifiedCount, 7);
    const upserted = await Thing.findOneAndUpdate({ _id: 99 }, { $inc: { n: 1 } },
        { upsert: true, returnDocument: "after" });
    assert.equal(upserted.n, 1);
    await (await Thing.findById(99)).deleteOne();
    assert.equal((await Thing.deleteMany({ n: 9 })).deletedCount, 7);
    assert.equal(await Thing.countDocuments(), 14);
}

async function populate(world) {
    const { Schema } = world.mongoose;
    const Owner = model(world, "owners");
    const Owned = model(world, "owned", { owner: { type: Schema.Types.Number, ref: "owners" } });
    await Owner.create({ _id: 1, n: 11 });
    await Owned.insertMany(range(5).map((i) => ({ _id: i, owner: 1 })));
    const found = await Owned.find().populate("owner");
    assert.deepEqual(found.map((one) => one.owner.n), [11, 11, 11, 11, 11]);
}

async function aggregation(world) {
    const Thing = model(world, "aggregation");
    await Thing.insertMany(range(1000).map((i) => ({ _id: i, n: i % 10 })));
    const groups = await Thing.aggregate()
        .match({ n: { $lt: 5 } })
        .group({ _id: "$n", sum: { $sum: "$_id" } })
        .sort({ _id: 1 });
    assert.deepEqual(groups, range(5).map((n) => ({ _id: n, sum: 49500 + 100 * n })));
}

async function cursors(world) {
    const Thing = model(world, "cursors");
    await Thing.insertMany(range(3000).map((i) => ({ _id: i })));
    let next = 0;
    for await (const one of Thing.find().sort("_id").lean().cursor({ batchSize: 100 })) {
        assert.equal(one._id, next++);
    }
    assert.equal(next, 3000);
    let summed = 0;
    const pipeline = Thing.aggregate([{ $match: { _id: { $gte: 0 } } }]);
    await pipeline.cursor({ batchSize: 100 }).eachAsync((one) => {
        summed += one._id;
    });
    assert.equal(summed, 3000 * 2999 / 2);
    const half = Thing.find().lean().cursor({ batchSize: 10 });
    await half.next();
    await half.close();
}

async function bulk(world) {
    const Thing = model(world, "bulk");
    const done = await Thing.bulkWrite([
        { insertOne: { document: { _id: 1 } } },
        { insertOne: { document: { _id: 2 } } },
        { updateMany: { filter: {}, update: { n: 1 } } },
        { replaceOne: { filter: { _id: 3 }, replacement: { n: 3 }, upsert: true } },
        { deleteOne: { filter: { _id: 1 } } },
    ]);
    assert.deepEqual([done.insertedCount, done.modifiedCount, done.upsertedCount,
        done.deletedCount], [2, 2, 1, 1]);
    const error = await rejected(Thing.insertMany([{ _id: 2 }, { _id: 4 }, { _id: 3 }],
        { ordered: false }));
    assert.ok(error instanceof world.mongoose.mongo.MongoBulkWriteError, String(error));
    assert.deepEqual(error.writeErrors.map((e) => [e.index, e.code]), [[0, 11000], [2, 11000]]);
    const changed = await Thing.find();
    changed.forEach((one) => {
        one.n = 50;
    });
    await Thing.bulkSave(changed);
    assert.equal(await Thing.countDocuments({ n: 50 }), 3);
}

async function indexes(world) {
    const Thing = model(world, "indexes", { name: { type: String, unique: true }, a: Number });
    Thing.schema.index({ a: 1, n: -1 });
    await Thing.createCollection();
    await Thing.createIndexes();
    const names = async () => (await Thing.listIndexes()).map((index) => index.name).sort();
    assert.deepEqual(await names(), ["_id_", "a_1_n_-1", "name_1"]);
    await Thing.create({ _id: 1, name: "x" });
    assert.equal((await rejected(Thing.create({ _id: 2, name: "x" }))).code, 11000);
    await Thing.collection.createIndex({ stray: 1 });
    await Thing.syncIndexes();
    assert.deepEqual(await names(), ["_id_", "a_1_n_-1", "name_1"]);
}

async function sessions(world) {
    const Thing = model(world, "sessions");
    await world.connection.withSession(async (session) => {
        for (const i of range(10)) {
            await Thing.create([{ _id: i }], { session });
            assert.equal((await Thing.findById(i).session(session))._id, i);
        }
        assert.ok(session.operationTime && session.clusterTime, "times were learnt");
    });
}

async function transactions(world) {
    const Thing = model(world, "transactions");
    await Thing.createCollection();
    await world.connection.withSession(async (session) => {
        session.startTransaction();
        await Thing.create([{ _id: 1, n: 0 }], { session });
        assert.equal(await Thing.countDocuments(), 0, "nobody else sees it before the commit");
        await session.commitTransaction();
        session.startTransaction();
        await Thing.create([{ _id: 2 }], { session });
        await session.abortTransaction();
    });
    const one = await Thing.findById(1);
    await world.connection.transaction(async (inside) => {
        one.n = 5;
        await one.save({ session: inside });
    });
    const failed = await rejected(world.connection.transaction(async (inside) => {
        await Thing.deleteMany({}).session(inside);
        throw new Error("changed my mind");
    }));
    assert.equal(failed.message, "changed my mind");
    assert.deepEqual(await Thing.find().lean(), [{ _id: 1, n: 5 }]);
}

async function transactionConflict(world) {
    const Thing = model(world, "conflict");
    await Thing.create({ _id: 1 });
    const { connection } = world;
    await connection.withSession((first) => connection.withSession(async (second) => {
        first.startTransaction();
        second.startTransaction();
        await Thing.updateOne({ _id: 1 }, { n: 1 }).session(first);
        const error = await rejected(
            Thing.updateOne({ _id: 1 }, { n: 2 }).session(second).exec());
        assert.equal(error.code, 112);
        assert.ok(error.hasErrorLabel("TransientTransactionError"), String(error));
        await second.abortTransaction();
        await first.commitTransaction();
    }));
    assert.equal((await Thing.findById(1)).n, 1);
}

async function changeStreams(world) {
    const Thing = model(world, "watched");
    await Thing.createCollection();
    const stream = Thing.watch([], { maxAwaitTimeMS: 200, hydrate: true });
    const events = [];
    const three = new Promise((resolve, reject) => {
        stream.on("error", reject);
        stream.on("change", (event) => events.push(event) === 3 && resolve());
    });
    await once(stream, "resumeTokenChanged"); // the server's cursor is open
    await Thing.create({ _id: 1, n: 1 });
    await Thing.updateOne({ _id: 1 }, { n: 2 });
    await Thing.deleteOne({ _id: 1 });
    await three;
    assert.deepEqual(events.map((e) => e.operationType), ["insert", "update", "delete"]);
    assert.ok(events[0].fullDocument instanceof Thing, "hydrated");
    await stream.close();
}

async function unacknowledged(world) {
    const Quiet = model(world, "unacknowledged", {}, { writeConcern: { w: 0 } });
    await Quiet.createCollection({ writeConcern: { w: 1 } });
    for (const i of range(30)) {
        await Quiet.create({ _id: i });
    }
    const end = Date.now() + 10000;
    while (await Quiet.countDocuments() !== 30) {
        assert.ok(Date.now() < end, "unacknowledged writes arrive");
    }
}

async function errors(world) {
    const Thing = model(world, "errors");
    const { MongoServerError } = world.mongoose.mongo;
    await Thing.insertMany(range(1000).map((i) => ({ _id: i, n: i % 7 })));
    const duplicate = await rejected(Thing.create({ _id: 1 }));
    assert.ok(duplicate instanceof MongoServerError, String(duplicate));
    assert.equal(duplicate.code, 11000);
    assert.deepEqual(duplicate.keyValue, { _id: 1 });
    const unknown = await rejected(world.connection.db.command({ noSuchCommand: 1 }));
    assert.ok(unknown instanceof MongoServerError, String(unknown));
    assert.equal(unknown.codeName, "CommandNotFound");
    const late = await rejected(Thing.aggregate([
        { $lookup: { from: "errors", pipeline: [], as: "all" } }, { $count: "n" },
    ]).option({ maxTimeMS: 1 }).exec());
    assert.ok(late instanceof MongoServerError, String(late));
    assert.equal(late.codeName, "MaxTimeMSExpired");
    assert.equal(await Thing.countDocuments(), 1000, "the connection goes on working");
}

// With apiStrict the server itself must have heard of it: it refuses what is not in version 1.
async function serverApi(world) {
    const Thing = model(world, "api");
    await Thing.create({ _id: 1 });
    const distinct = Thing.distinct("_id").exec();
    if (world.strict) {
        assert.equal((await rejected(distinct)).codeName, "APIStrictError");
    } else {
        assert.deepEqual(await distinct, [1]);
    }
}

const all = {
    crud, populate, aggregation, cursors, bulk, indexes, sessions, transactions,
    transactionConflict, changeStreams, unacknowledged, errors, serverApi,
};

exports.options = {};
exports.checks = (world) =>
    Object.fromEntries(Object.entries(all).map(([name, check]) => [name, () => check(world)]));
