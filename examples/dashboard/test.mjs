// Drives the built page in Chromium: below a prefix of a static host, and with `npm test -- BUILD URL` on a live server too.
import assert from "node:assert/strict";
import { existsSync, realpathSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { chromium } from "playwright-core";

const [build = "../../build/current", live] = process.argv.slice(2);
const folder = realpathSync(build);
const types = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".json": "application/json" };

/** The build below /repo/, the page at /repo/dashboard/; at /live/ a page that asks the live server. */
const host = createServer(async (request, response) => {
  const path = normalize(new URL(request.url, "http://host").pathname).replace(/\/$/, "/index.html");
  try {
    const page = path.match(/^\/(repo\/dashboard|live)\/(.+)/);
    let body = await readFile(page ? join("dist", page[2]) : join(folder, path.replace(/^\/repo\//, "")));
    if (page?.[1] === "live" && path.endsWith(".html")) body = String(body).replace('content=".."', `content="${live}"`);
    response.writeHead(200, { "content-type": types[extname(path)] ?? "application/octet-stream" }).end(body);
  } catch {
    response.writeHead(404).end();
  }
});
await new Promise((resolve) => host.listen(0, "127.0.0.1", resolve));
const origin = `http://127.0.0.1:${host.address().port}`;

const json = async (path) => JSON.parse(await readFile(join(folder, "api", path), "utf8"));
const [roster] = await json("rosters.json");
const scores = await json(`rosters/${roster.id}/scores.json`);
const impact = (await json("impact.json")).find((row) => row.estimator === "did" && row.scope === "assignment");

const executablePath = ["chromium", "chromium-browser", "google-chrome"].map((name) => `/usr/bin/${name}`).find(existsSync);
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
try {
  for (const address of [`${origin}/repo/dashboard/`, ...(live ? [`${origin}/live/`] : [])]) {
    const page = await browser.newPage({ viewport: { width: 390, height: 800 } });
    const errors = [];
    page.on("pageerror", (error) => errors.push(String(error)));
    page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
    await page.goto(address);

    await page.getByLabel("Name").fill(roster.name);
    await page.getByRole("link", { name: roster.name, exact: true }).click();
    await page.getByLabel("Test").selectOption("2");
    for (const level of [1, 2, 3, 4]) {
      const count = scores.filter((score) => score.testId === 2 && score.level === level).length;
      assert.equal(await page.locator(`tr[data-level="${level}"] td`).first().innerText(), String(count));
    }

    const lowest = Math.min(...scores.filter((score) => score.testId === 2).map((score) => score.overallScore));
    const first = page.locator("table").nth(1).locator("tbody tr").first();
    assert.equal(await first.locator("td").first().innerText(), String(lowest));
    await first.getByRole("link").click();
    await page.getByRole("table", { name: "Tests" }).waitFor();
    const student = Number(page.url().split("/").at(-1));
    const shown = await page.locator("tbody tr td:nth-child(2)").allInnerTexts();
    assert.deepEqual(shown, scores.filter((score) => score.studentId === student).map((score) => String(score.overallScore)));

    await page.getByRole("link", { name: "Assignments" }).click();
    const effect = page.locator(`tr[data-assignment="${impact.assignmentId}"] td`).last();
    const [point, low, high] = [impact.effect, impact.low, impact.high].map((value) => value.toFixed(1));
    assert.equal(await effect.innerText(), `${point} (${low} to ${high})`);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.equal(overflow, 0, "the page is wider than a phone");
    assert.deepEqual(errors, []);
    await page.close();
    console.log(`passed on ${address.endsWith("/live/") ? `the live server ${live}` : "a static host, below a prefix"}`);
  }
} finally {
  await browser.close();
  host.close();
}
