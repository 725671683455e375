"use strict";
// mongosh. Usage: client.js URI operations|large|idle [strictApi]
// Runs the shell as a user would, on one script, in a home folder of its own that forbids it to
// report its use to anyone.
const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

const [uri, mode, api] = process.argv.slice(2);
const home = fs.mkdtempSync(path.join(os.tmpdir(), "mongosh-"));
const config = path.join(home, ".mongodb/mongosh");
fs.mkdirSync(config, { recursive: true });
fs.writeFileSync(path.join(config, "config"),
    JSON.stringify({ enableTelemetry: false, updateURL: "" }));

const strict = api === "strictApi";
const declared = strict ? ["--apiVersion", "1", "--apiStrict", "--apiDeprecationErrors"] : [];
const shell = path.join(path.dirname(require.resolve("mongosh/package.json")), "bin/mongosh.js");
const often = mode === "idle" ? `${uri}${uri.includes("?") ? "&" : "?"}heartbeatFrequencyMS=500`
    : uri;
const script = path.join(__dirname, `${mode}.js`);
const done = spawnSync(process.execPath,
    [shell, often, "--quiet", "--norc", ...declared, "--file", script],
    { stdio: "inherit", env: { ...process.env, HOME: home, STRICT_API: strict ? "1" : "" } });
fs.rmSync(home, { recursive: true });
process.exit(done.status ?? 1);
