// Logs in, makes a device, reads its link, revokes it, and is logged out in the end.
//
// usage: node dist/example.js SERVER NAME < password
import { readFileSync } from "node:fs";
import { client, must } from "./client.js";

const [server, name] = process.argv.slice(2);
if (server === undefined || name === undefined) {
  throw new Error("usage: node dist/example.js SERVER NAME < password");
}
const password = readFileSync(0, "utf8").trimEnd();

const login = must(await client(server).POST("/api/v1/auth/login", { body: { name, password } }));
if (!("access_token" in login) || !login.access_token) {
  throw new Error("this account needs a code as well");
}
const api = client(server, login.access_token);

const me = must(await api.GET("/api/v1/auth/me"));
const device = must(
  await api.POST("/api/v1/users/{user}/devices", {
    params: { path: { user: name } },
    body: { name: "from TypeScript" },
  }),
);
const path = { device: device.id };
const link = must(await api.GET("/api/v1/devices/{device}/uri", { params: { path } }));
const removed = must(await api.DELETE("/api/v1/devices/{device}", { params: { path } }));
must(await api.POST("/api/v1/auth/logout", {}));
const after = await api.GET("/api/v1/auth/me");

console.log(
  JSON.stringify({
    me: me.name,
    uri: link.uri,
    status: removed.status,
    after: after.error?.code ?? null,
  }),
);
