/** The process: serves the site, and stops without dropping a request. 0 stopped, 1 failed. */

import { createServer } from "node:http";

import { answer, loadSite } from "./site.mjs";

/** Longer than the load balancer keeps a connection (60 s), or it would send into one that is being closed. */
const KEEP_ALIVE_MS = 65_000;
/** Below the task's stop time-out (30 s on ECS). */
const GRACE_MS = 25_000;

/** @param {string} message @param {Record<string, unknown>} fields */
function say(message, fields) {
  process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), message, ...fields })}\n`);
}

/** @param {unknown} error @returns {never} */
function fatal(error) {
  process.stderr.write(`ludlow: fatal: ${error}\n`);
  process.exit(1);
}

const pages = await loadSite(process.env["SITE_DIRECTORY"] || "dist", process.env).catch(fatal);
let stopping = false;
const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
  request.resume();
  const { method = "", url = "", headers } = request;
  const { status, headers: answered, body } = answer(pages, method, url, headers["if-none-match"]);
  response.writeHead(status, {
    ...answered,
    ...(status === 304 ? {} : { "content-length": body.length }),
    ...(stopping ? { connection: "close" } : {}),
  });
  response.end(method === "HEAD" ? undefined : body);
  if (url !== "/healthz") say("answered", { method, path: url, status });
});

// Before it listens: a signal that comes in between must not end it half-way.
for (const signal of ["SIGTERM", "SIGINT"]) {
  process.on(signal, () => {
    // Whoever asks twice does not want to wait.
    if (stopping) process.exit(1);
    stopping = true;
    say("stopping", { signal });
    const late = setTimeout(() => server.closeAllConnections(), GRACE_MS);
    server.close(() => {
      clearTimeout(late);
      say("stopped", {});
      process.exit(0);
    });
    server.closeIdleConnections();
  });
}
server.once("error", fatal);
server.listen(Number(process.env["PORT"] || 8080), () => {
  const address = server.address();
  say("listening", { port: typeof address === "object" ? address?.port : address, pages: pages.size });
});
