// The API as a typed client: every path, body and answer is checked against schema.d.ts when this is compiled.
import createClient, { type Client } from "openapi-fetch";
import type { components, paths } from "./schema.js";

export type Problem = components["schemas"]["Problem"];
export type Api = Client<paths>;

/** A client of the program at `server`, for example `https://panel.example.com`; with a token, or for what is open. */
export function client(server: string, token?: string): Api {
  return createClient<paths>({
    baseUrl: server,
    headers: token === undefined ? {} : { Authorization: `Bearer ${token}` },
  });
}

/** What the API answered instead of what was asked for. */
export class Refused extends Error {
  constructor(readonly problem: Problem) {
    super(`${problem.status} ${problem.code}: ${problem.detail ?? problem.title}`);
  }
}

/** The answer, or an exception that carries the problem. */
export function must<T>(answered: { data?: T; error?: Problem }): T {
  if (answered.error !== undefined) {
    throw new Refused(answered.error);
  }
  return answered.data as T;
}
