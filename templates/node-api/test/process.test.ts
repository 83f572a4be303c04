import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { beforeAll, describe, expect, it } from "vitest";

/** The program as the image has it. */
beforeAll(() => {
  execFileSync("npx", ["tsc", "--project", "tsconfig.build.json", "--outDir", "reports/build"]);
}, 120_000);

function run(environment: Record<string, string>): ChildProcessWithoutNullStreams {
  return spawn(process.execPath, ["reports/build/main.js"], { env: { PORT: "0", ...environment } });
}

describe("process", () => {
  it("stops with 0 on SIGTERM", async () => {
    const child = run({});
    const messages: unknown[] = [];
    for await (const line of createInterface(child.stdout)) {
      const { message } = JSON.parse(line) as { message: string };
      messages.push(message);
      if (message === "listening") child.kill("SIGTERM");
    }
    expect(messages).toEqual(["listening", "stopping", "stopped"]);
    expect(child.exitCode ?? (await once(child, "exit"))[0]).toBe(0);
  });

  it.each([
    [{ PORT: "x" }, 2, 'ludlow: fatal: PORT="x": must be a port number\n'],
    [{ LUDLOW_CRASH: "start" }, 1, "ludlow: fatal: crash at start, as LUDLOW_CRASH=start asks\n"],
  ])("says why it does not start with %o", async (environment, code, message) => {
    const child = run(environment);
    let stderr = "";
    child.stderr.on("data", (piece) => (stderr += String(piece)));
    const [exit] = (await once(child, "close")) as [number];
    expect(exit).toBe(code);
    expect(stderr).toBe(message);
  });
});
