"use strict";
// Runs named checks one after another and prints what came of each: `ok NAME` or `FAIL NAME: why`.

function oneLine(error) {
    return String((error && error.stack) || error).split("\n").slice(0, 4).join(" | ");
}

// True when every check passed.
async function run(checks) {
    let passed = true;
    for (const [name, check] of Object.entries(checks)) {
        try {
            await check();
            console.log(`ok ${name}`);
        } catch (error) {
            passed = false;
            console.log(`FAIL ${name}: ${oneLine(error)}`);
        }
    }
    return passed;
}

// The error that the promise is rejected with; an error of its own when it is not.
async function rejected(promise) {
    let value;
    try {
        value = await promise;
    } catch (error) {
        return error;
    }
    throw new Error(`no error, but ${JSON.stringify(value)}`);
}

function range(count) {
    return [...Array(count).keys()];
}

module.exports = { run, rejected, range };
