// node failover.js URI WORKERS: so many workers write and read until a line comes on standard
// input; then one JSON line: what was acknowledged, what went wrong, what the driver's pool went through,
// and when writes succeeded (seconds of the epoch).
'use strict';
const readline = require('readline');
const { MongoClient } = require('mongodb');

const [uri, workers] = [process.argv[2], Number(process.argv[3])];
const said = { inserted: [], counted: {}, errors: [], closed: 0, cleared: 0, failed: 0, times: [] };
let stops = false;

async function step(things, name, number) {
  if (number % 3 === 0) {
    await things.insertOne({ _id: `${name}-${number}` });
    said.inserted.push(`${name}-${number}`);
  } else if (number % 3 === 1) {
    await things.updateOne({ _id: name }, { $inc: { n: 1 } }, { upsert: true });
    said.counted[name] = (said.counted[name] || 0) + 1;
  } else {
    const found = await things.findOne({ _id: name });
    if (found.n !== said.counted[name]) throw new Error(`${name}: ${found.n} is stored`);
    return;
  }
  said.times.push(Date.now() / 1000);
}

async function work(things, name) {
  for (let number = 0; !stops; number += 1) {
    try {
      await step(things, name, number);
    } catch (wrong) {
      said.errors.push(`${wrong.name}: ${wrong.message}`);
    }
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 400));
  }
}

async function main() {
  const client = new MongoClient(uri, { maxPoolSize: workers, monitorCommands: true });
  client.on('connectionClosed', () => { said.closed += 1; });
  client.on('connectionPoolCleared', () => { said.cleared += 1; });
  client.on('commandFailed', () => { said.failed += 1; });
  readline.createInterface({ input: process.stdin }).once('line', () => { stops = true; });
  const things = client.db('failover').collection('things');
  await Promise.all(Array.from({ length: workers }, (_, number) => work(things, `node-${number}`)));
  // Out first: an exit cuts off what a pipe has not taken yet.
  process.stdout.write(`${JSON.stringify(said)}\n`, () => process.exit(0));
}

main();
