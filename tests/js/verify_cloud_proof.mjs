// World ID's published library against our server: only the address is another one.
//
//   npm ci --ignore-scripts && PERSONHOOD=../../target/release/personhood node verify_cloud_proof.mjs
//
// Draws one synthetic person, enrols them, serves, and lets @worldcoin/idkit-core decide.
import assert from "node:assert/strict";
import { spawn, execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { verifyCloudProof } from "@worldcoin/idkit-core/backend";
import { hashToField } from "@worldcoin/idkit-core/hashing";

const program = process.env.PERSONHOOD ?? "personhood";
const folder = mkdtempSync(join(tmpdir(), "personhood-"));
const at = (name) => join(folder, name);
const run = (...args) => execFileSync(program, [...args, "--quiet"], { encoding: "utf8" });

run("eyes", "--out", at("eyes"), "--people", "1", "--captures", "1", "--first-identity", "7");
run("init", "--registry", at("registry"));
run("identity", "new", at("secret"));
const eyes = join(at("eyes"), "person-01");
run("enroll", "--registry", at("registry"), "--identity", at("secret"),
  "--left", join(eyes, "left-1.png"), "--right", join(eyes, "right-1.png"));

const server = spawn(program, ["serve", "--registry", at("registry"), "--listen", "127.0.0.1:0",
  "--app", "app_js", "--action", "vote", "--json", "--log", "error"], { stdio: ["ignore", "pipe", "inherit"] });
try {
  let text = "";
  for await (const part of server.stdout) {
    text += part;
    if (text.trimEnd().endsWith("}")) break;
  }
  const { url } = JSON.parse(text);
  const endpoint = `${url}/api/v2/verify/app_js`;
  const prove = (signal, version) => JSON.parse(run("prove", "--registry", at("registry"), "--identity", at("secret"),
    "--app", "app_js", "--action", "vote", "--signal", signal, "--body", version));

  const { proof, merkle_root, nullifier_hash, verification_level, signal_hash } = prove("user-123", "v2");
  const result = { proof, merkle_root, nullifier_hash, verification_level };
  assert.equal(signal_hash, hashToField("user-123").digest, "one hash of the signal");

  const stolen = await verifyCloudProof(result, "app_js", "vote", "user-456", endpoint);
  assert.deepEqual([stolen.success, stolen.code, stolen.attribute], [false, "invalid_proof", "proof"]);
  const elsewhere = await verifyCloudProof(result, "app_js", "vote 2", "user-123", endpoint);
  assert.equal(elsewhere.code, "invalid_action");
  assert.deepEqual(await verifyCloudProof(result, "app_js", "vote", "user-123", endpoint), { success: true });
  const again = await verifyCloudProof(result, "app_js", "vote", "user-123", endpoint);
  assert.deepEqual([again.success, again.code], [false, "max_verifications_reached"]);

  // The fourth version: the result of the holder, forwarded unchanged.
  const forward = (body, query = "") => fetch(`${url}/api/v4/verify/app_js${query}`,
    { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  const reused = await forward(prove("user-123", "v4"));
  assert.equal(reused.status, 200);
  assert.equal((await reused.json()).message, "Proof verified successfully (nullifier reuse)");
  const replayed = await forward(prove("user-123", "v4"), "?on_reuse=reject");
  assert.deepEqual([replayed.status, (await replayed.json()).code], [400, "nullifier_replayed"]);
  console.log("verifyCloudProof of @worldcoin/idkit-core",
    JSON.parse(readFileSync("package.json", "utf8")).dependencies["@worldcoin/idkit-core"],
    "accepts, and refuses a stolen, a replayed and a misplaced proof");
} finally {
  server.kill("SIGTERM");
  await new Promise((done) => server.once("exit", done));
  rmSync(folder, { recursive: true });
}
assert.equal(server.exitCode, 0, "the server stopped when it was told to");
