import { once } from "node:events";
import { request } from "node:http";
import { afterEach, describe, expect, it } from "vitest";

import { readConfig } from "../src/config.js";
import { makeLog } from "../src/log.js";
import { listen, type Service } from "../src/server.js";

let running: Service[] = [];

async function start(environment: Record<string, string> = {}): Promise<{ service: Service; lines: string[]; url: string }> {
  const lines: string[] = [];
  const config = readConfig({ PORT: "0", APP_VERSION: "1.2.3", APP_COMMIT: "abc123", ...environment });
  const service = await listen(config, makeLog(config.logLevel, (line) => lines.push(line)));
  running.push(service);
  return { service, lines, url: `http://127.0.0.1:${service.port}` };
}

afterEach(async () => {
  await Promise.all(running.map((service) => service.stop()));
  running = [];
});

describe("paths", () => {
  it.each([
    ["GET", "/healthz", 200, "ok\n"],
    ["GET", "/version", 200, '{"name":"ludlow","version":"1.2.3","commit":"abc123"}\n'],
    ["GET", "/slow?ms=1", 200, "waited 1 ms\n"],
    ["GET", "/slow?ms=30001", 400, "ms must be a number up to 30000\n"],
    ["GET", "/none", 404, "no such path\n"],
    ["GET", "//", 404, "no such path\n"],
    ["POST", "/healthz", 405, "only GET and HEAD\n"],
    ["HEAD", "/healthz", 200, ""],
  ])("%s %s answers %d", async (method, path, status, body) => {
    const { url } = await start();
    const response = await fetch(url + path, { method });
    expect(response.status).toBe(status);
    expect(await response.text()).toBe(body);
  });

  it("says which task answered", async () => {
    const { url } = await start();
    expect(await (await fetch(url)).text()).toMatch(/^ludlow 1\.2\.3 on \S+\n$/);
  });

  it("is unhealthy when it is asked to be", async () => {
    const { url } = await start({ LUDLOW_UNHEALTHY: "1" });
    expect((await fetch(`${url}/healthz`)).status).toBe(500);
  });
});

describe("log", () => {
  it("has one JSON object a line, with the session that the caller names", async () => {
    const { url, lines } = await start();
    await (await fetch(`${url}/healthz`, { headers: { "x-session-id": "s-1" } })).text();
    const objects = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(objects.map((object) => object["message"])).toEqual(["listening", "answered"]);
    expect(objects[1]).toMatchObject({ method: "GET", path: "/healthz", status: 200, session: "s-1" });
  });

  it("says only what its level asks for", async () => {
    const quiet = await start({ LOG_LEVEL: "quiet" });
    await (await fetch(quiet.url)).text();
    expect(quiet.lines).toHaveLength(1);
    const debug = await start({ LOG_LEVEL: "debug" });
    await (await fetch(debug.url)).text();
    expect(debug.lines).toHaveLength(3);
  });
});

describe("stop", () => {
  it("answers what is in flight and then closes", async () => {
    const { service, url } = await start();
    const inFlight = request(`${url}/slow?ms=300`).end();
    await once(inFlight, "socket");
    await once(inFlight, "finish");
    // A second request that is answered proves that the first has arrived.
    await (await fetch(`${url}/slow?ms=50`)).text();
    const stopped = service.stop();
    const [response] = (await once(inFlight, "response")) as [import("node:http").IncomingMessage];
    expect(response.statusCode).toBe(200);
    expect(response.headers.connection).toBe("close");
    response.resume();
    expect(await stopped).toBe(true);
    await expect(fetch(url)).rejects.toThrow();
  });

  it("does not wait for ever", async () => {
    const { service, url } = await start({ SHUTDOWN_GRACE_SECONDS: "0" });
    const inFlight = request(`${url}/slow?ms=30000`).end();
    const broken = once(inFlight, "error");
    await (await fetch(`${url}/slow?ms=50`)).text();
    expect(await service.stop()).toBe(false);
    inFlight.destroy(new Error("cut off"));
    await broken;
  });
});
