// node errors.js URI OPERATION,…: prepares each operation with a client of its own, prints READY,
// and does them all at once when a line comes on standard input. Then one JSON line: for each the error
// documents that came to the driver, and what the driver threw.
'use strict';
const readline = require('readline');
const { MongoClient } = require('mongodb');

const PREPARE = {
  async READ(client, things) {
    return () => things.findOne({ _id: 1 });
  },
  async OTHER(client, things) {
    return () => things.updateMany({}, { $set: { a: 1 } });
  },
  async RETRYABLE_WRITE(client, things) {
    return () => things.insertOne({ _id: 'new' });
  },
  async TRANSACTION_START(client, things) {
    const session = client.startSession();
    session.startTransaction();
    return () => things.insertOne({ _id: 'new' }, { session });
  },
  async TRANSACTION(client, things) {
    const session = client.startSession();
    session.startTransaction();
    await things.insertOne({ _id: 'first' }, { session });
    return () => things.insertOne({ _id: 'new' }, { session });
  },
  async TRANSACTION_END(client, things) {
    const session = client.startSession();
    session.startTransaction();
    await things.insertOne({ _id: 'first' }, { session });
    return () => session.commitTransaction();
  },
  async CHANGE_STREAM(client, things) {
    const stream = things.watch([], { maxAwaitTimeMS: 1500 });
    await stream.tryNext();
    return () => stream.tryNext();
  },
  async GET_MORE(client, things) {
    const cursor = things.find({}, { batchSize: 2 });
    await cursor.next();
    await cursor.next();
    return () => cursor.next();
  },
  async UNACKNOWLEDGED(client, things) {
    return () => things.insertOne({ _id: 'new' }, { writeConcern: { w: 0 } });
  },
};

// The document as it came, whatever class the driver made of it.
function documentOf(failure) {
  const said = failure.errorResponse || failure.result || {};
  return { code: said.code, errmsg: said.errmsg, labels: said.errorLabels || [] };
}

function thrown(wrong) {
  return { name: wrong.name, code: wrong.code, labels: [...(wrong.errorLabels || [])] };
}

async function prepare(uri, operation) {
  const failures = [];
  const client = new MongoClient(uri, {
    monitorCommands: true, serverSelectionTimeoutMS: 5000,
  });
  client.on('commandFailed', (event) => {
    failures.push({ command: event.commandName, ...documentOf(event.failure) });
  });
  const things = client.db(`e${process.pid}${operation}`).collection('things');
  await things.insertMany([1, 2, 3, 4, 5, 6].map((n) => ({ _id: n })));
  const act = await PREPARE[operation](client, things);
  failures.length = 0;
  return async () => {
    try {
      await act();
      return { failures, thrown: null };
    } catch (wrong) {
      return { failures, thrown: thrown(wrong) };
    }
  };
}

async function main() {
  const names = process.argv[3].split(',');
  const acts = {};
  for (const name of names) acts[name] = await prepare(process.argv[2], name);
  console.log('READY');
  readline.createInterface({ input: process.stdin }).once('line', async () => {
    const said = await Promise.all(names.map((name) => acts[name]()));
    console.log(JSON.stringify(Object.fromEntries(names.map((name, i) => [name, said[i]]))));
    process.exit(0);
  });
}

main().catch((wrong) => { console.log(`FAIL ${wrong.stack}`); process.exit(1); });
