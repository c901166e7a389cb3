// The page of /docs in a real browser: node docs.mjs BASE. Prints how many routes it shows; whatever it does that it should
// not ends this with an exception.
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const [base] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
const page = await browser.newPage();
const complaints = [];
const foreign = [];
page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
page.on("pageerror", (error) => complaints.push(String(error)));
page.on("request", (request) => {
  const url = new URL(request.url());
  if (url.protocol !== "data:" && url.origin !== base) foreign.push(request.url());
});

await page.goto(`${base}/docs`);
await page.waitForSelector(".opblock");
const shown = await page.locator(".opblock").count();
await page.click("#operations-auth-public_keys .opblock-summary-control");
await page.click("#operations-auth-public_keys .try-out__btn");
await page.click("#operations-auth-public_keys .execute");
await page.waitForSelector("#operations-auth-public_keys .live-responses-table");
const answer = await page.textContent("#operations-auth-public_keys .live-responses-table");
assert.match(answer, /"keys"/);
assert.deepEqual(complaints, []);
assert.deepEqual(foreign, []);
await browser.close();
console.log(shown);
