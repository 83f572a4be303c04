/** The HTTP server: its limits, its log lines, and a stop that drops no request. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { hostname } from "node:os";

import type { Config } from "./config.js";
import type { Log } from "./log.js";
import { answer } from "./routes.js";

/** Longer than the load balancer keeps a connection (60 s), or it would send into one that is being closed. */
const KEEP_ALIVE_MS = 65_000;
const LONGEST_HEADER = 16_384;

export interface Service {
  port: number;
  /** Takes no new connection and waits for requests in flight; true if all of them were answered. */
  stop(): Promise<boolean>;
}

/** Listens on every interface. */
export async function listen(config: Config, log: Log): Promise<Service> {
  const host = hostname();
  let stopping = false;
  const server = createServer({ maxHeaderSize: LONGEST_HEADER, keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
    const begun = performance.now();
    const fields = { method: request.method ?? "", path: request.url ?? "", ...session(request) };
    log.debug("request", fields);
    response.on("finish", () => {
      log.info("answered", { ...fields, status: response.statusCode, ms: Math.round(performance.now() - begun) });
    });
    handle(config, host, request, response, () => stopping).catch((error: unknown) => {
      log.always("failed", { ...fields, error: String(error) });
      response.destroy();
    });
  });
  server.on("clientError", (error, socket) => {
    log.debug("broken connection", { error: error.message });
    socket.destroy();
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(config.port, resolve);
  });
  const { port } = server.address() as AddressInfo;
  log.always("listening", { port, version: config.version, commit: config.commit });
  return {
    port,
    stop: () => {
      stopping = true;
      return drained(server, config.graceMs);
    },
  };
}

/** A session that the caller names is in every line, so that the lines of one can be found. */
function session(request: IncomingMessage): { session?: string } {
  const name = request.headers["x-session-id"];
  return typeof name === "string" && /^[\w.-]{1,64}$/.test(name) ? { session: name } : {};
}

async function handle(
  config: Config,
  host: string,
  request: IncomingMessage,
  response: ServerResponse,
  isStopping: () => boolean,
): Promise<void> {
  // What a caller sends is not wanted, and is read away so that the connection can be used again.
  request.resume();
  const { status, type, body, headers } = await answer(config, host, request.method ?? "", request.url ?? "");
  response.writeHead(status, {
    "content-type": type,
    "content-length": Buffer.byteLength(body),
    ...headers,
    ...(isStopping() ? { connection: "close" } : {}),
  });
  response.end(request.method === "HEAD" ? undefined : body);
}

function drained(server: Server, graceMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const late = setTimeout(() => {
      server.closeAllConnections();
      resolve(false);
    }, graceMs);
    server.close(() => {
      clearTimeout(late);
      resolve(true);
    });
    server.closeIdleConnections();
  });
}
