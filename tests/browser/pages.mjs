// The small pages in a real browser: node pages.mjs BASE SETUP_LINK. Prints what each page said; the test that started it
// judges. Whatever a page does that it should not ends this with an exception.
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const [base, setupLink] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
const context = await browser.newContext();
const page = await context.newPage();
const complaints = [];
const foreign = [];
page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
page.on("pageerror", (error) => complaints.push(String(error)));
page.on("dialog", (dialog) => complaints.push(`a dialog: ${dialog.message()}`));
page.on("request", (request) => {
  const secret = new URL(setupLink).hash.slice(1);
  if (new URL(request.url()).origin !== base) foreign.push(request.url());
  // what stands behind # leaves in the body of a POST alone
  const { referer = "" } = request.headers();
  assert(!request.url().includes(secret) && !referer.includes(secret), request.url());
});

/** Opens a page anew: where only the part behind # differs from the page before, nothing would be loaded. */
async function open(link) {
  await page.goto("about:blank");
  return (await page.goto(link)).status();
}

/** Opens a link, fills the form in, and gives what the page says then. */
async function send(link, fields) {
  await open(link);
  assert.equal(await page.evaluate("location.hash"), "", "the secret stays in the address bar");
  for (const [name, value] of Object.entries(fields)) await page.fill(`[name=${name}]`, value);
  const before = await page.textContent("[role=status]");
  await page.click("button");
  await page.waitForFunction(
    (before) => !["…", before].includes(document.querySelector("[role=status]").textContent),
    before,
  );
  return page.textContent("[role=status]");
}

/** Asks the API from the page's own origin, as the page's scripts would. */
const ask = (path, options) =>
  page.evaluate(
    async ([path, options]) => {
      const answer = await fetch(path, options);
      return { status: answer.status, body: await answer.json().catch(() => null) };
    },
    [path, options],
  );
const post = (body, headers = {}) => ({
  method: "POST",
  headers: { "Content-Type": "application/json", ...headers },
  body: JSON.stringify(body),
});

const password = "a long walk by the sea";
const said = {};
said.common = await send(setupLink, { name: "root", password: "password1234" });
said.setup = await send(setupLink, { name: "root", email: "root@mail.example", password });
said.again = await open(setupLink);

// a browser's login: cookies that no script can read, and what belongs to them
await open(`${base}/register`);
const login = await ask("/api/v1/auth/login", post({ name: "root", password, session: "cookie" }));
assert.equal(login.status, 200, JSON.stringify(login));
const csrf = { "X-CSRF-Token": login.body.csrf_token };
assert(!(await page.evaluate("document.cookie")).includes("__Host-hywarden="));
said.me = (await ask("/api/v1/auth/me")).body.name;
said.without_token = (await ask("/api/v1/auth/invites", post({ role: "user" }))).body.code;

async function invited() {
  const made = await ask("/api/v1/auth/invites", post({ role: "user" }, csrf));
  assert.equal(made.status, 201, JSON.stringify(made));
  return made.body.url;
}
// a name that would be markup is a name, in answers and in what a page says of it
const markup = "<img src=x onerror=alert(1)>";
said.markup = await send(await invited(), { name: markup, password });
said.taken = await send(await invited(), { name: markup, password });
const invite = await invited();
said.register = await send(invite, { name: "anna", password });
said.used = await send(invite, { name: "bert", password });

const link = await ask("/api/v1/users/anna/password-link", post({}, csrf));
assert.equal(link.status, 201, JSON.stringify(link));
said.reset = await send(link.body.url, { password: "kites over the dunes" });
said.new = (await ask("/api/v1/auth/login", post({ name: "anna", password: "kites over the dunes" }))).status;
said.old = (await ask("/api/v1/auth/login", post({ name: "anna", password }))).status;

const kept = await page.evaluate("localStorage.length + sessionStorage.length");
assert.equal(kept, 0, "something is kept where scripts read it");
await ask("/api/v1/auth/logout", post({}, csrf));
assert.deepEqual(await context.cookies(), []);
assert.deepEqual(foreign, []);
// a refusal shows in the browser's console as its status; anything else is a fault of the page
const faults = complaints.filter((text) => !/status of (40[0-9]|409|422)/.test(text));
assert.deepEqual(faults, []);
await browser.close();
console.log(JSON.stringify(said));
