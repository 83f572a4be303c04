import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { answer, loadSite, publicConfig } from "../server/site.mjs";

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "site-"));
  await mkdir(join(directory, "assets"));
  await writeFile(join(directory, "index.html"), "index");
  await writeFile(join(directory, "assets/app-1a2b.js"), "app");
});

afterAll(() => rm(directory, { recursive: true }));

describe("site", () => {
  it("tells the page only what is public", () => {
    expect(publicConfig({ PUBLIC_API_URL: "x", AWS_SECRET_ACCESS_KEY: "s", PUBLIC: "no" })).toEqual({ API_URL: "x" });
  });

  it.each([
    ["/", 200, "index", "no-cache"],
    ["/orders/7?x=1", 200, "index", "no-cache"],
    ["/assets/app-1a2b.js", 200, "app", "public, max-age=31536000, immutable"],
    ["/assets/gone.js", 404, "no such path\n", "no-store"],
    ["/config.json", 200, '{"ENVIRONMENT":"qa"}\n', "no-store"],
    ["/healthz", 200, "ok\n", "no-store"],
    ["/..%2f..%2fetc/passwd.txt", 404, "no such path\n", "no-store"],
    ["/%ff", 404, "no such path\n", "no-store"],
    ["//", 404, "no such path\n", "no-store"],
  ])("%s answers %d", async (path, status, body, cache) => {
    const pages = await loadSite(directory, { PUBLIC_ENVIRONMENT: "qa", SECRET: "s" });
    const answered = answer(pages, "GET", path, undefined);
    expect([answered.status, answered.body.toString(), answered.headers["cache-control"]]).toEqual([status, body, cache]);
    expect(answered.headers["x-content-type-options"]).toBe("nosniff");
  });

  it("sends nothing that the caller has already", async () => {
    const pages = await loadSite(directory, {});
    const { headers } = answer(pages, "GET", "/", undefined);
    const again = answer(pages, "GET", "/", headers["etag"]);
    expect([again.status, again.body.length]).toEqual([304, 0]);
    expect(answer(pages, "POST", "/", undefined).status).toBe(405);
  });

  it("does not start without a site", async () => {
    await expect(loadSite(join(directory, "assets"), {})).rejects.toThrow("there is no index.html");
  });
});

describe("process", () => {
  it("serves one build in every environment and stops with 0", async () => {
    const child = spawn(process.execPath, ["server/main.mjs"], {
      env: { PORT: "0", SITE_DIRECTORY: directory, PUBLIC_ENVIRONMENT: "dev" },
    });
    const messages: unknown[] = [];
    let config: unknown;
    for await (const line of createInterface(child.stdout)) {
      const { message, port } = JSON.parse(line) as { message: string; port?: number };
      messages.push(message);
      if (message === "listening") {
        config = await (await fetch(`http://127.0.0.1:${port}/config.json`, { headers: { connection: "close" } })).json();
        child.kill("SIGTERM");
      }
    }
    expect(config).toEqual({ ENVIRONMENT: "dev" });
    expect(messages).toEqual(["listening", "answered", "stopping", "stopped"]);
    expect(child.exitCode ?? (await once(child, "exit"))[0]).toBe(0);
  });
});
