// Loaded into the shell by the scripts beside it. The shell awaits each call by itself, so these
// functions read as if they waited.

const assert = require("assert");

// A database of this run's own.
function ownDatabase() {
    return db.getSiblingDB(`mongosh_${new ObjectId()}`);
}

function rejected(call) {
    let value;
    try {
        value = call();
    } catch (error) {
        return error;
    }
    throw new Error(`no error, but ${EJSON.stringify(value)}`);
}

function oneLine(error) {
    return String((error && error.stack) || error).split("\n").slice(0, 4).join(" | ");
}

// Runs named checks on a database of their own, says what came of each, and ends the shell.
function run(checks) {
    const own = ownDatabase();
    let passed = true;
    for (const name of Object.keys(checks)) {
        try {
            checks[name](own);
            print(`ok ${name}`);
        } catch (error) {
            passed = false;
            print(`FAIL ${name}: ${oneLine(error)}`);
        }
    }
    own.dropDatabase();
    quit(passed ? 0 : 1);
}
