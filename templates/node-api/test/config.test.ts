import { describe, expect, it } from "vitest";

import { readConfig } from "../src/config.js";

describe("configuration", () => {
  it("has a default for everything", () => {
    expect(readConfig({ PORT: "" })).toEqual({
      port: 8080,
      logLevel: "info",
      graceMs: 25_000,
      name: "ludlow",
      version: "0.1.0",
      commit: "unknown",
      crashAfterMs: undefined,
      unhealthy: false,
    });
  });

  it("takes what is set", () => {
    const config = readConfig({
      PORT: "0",
      LOG_LEVEL: "debug",
      SHUTDOWN_GRACE_SECONDS: "3",
      APP_VERSION: "1.2.3",
      APP_COMMIT: "abc",
      LUDLOW_CRASH: "after:7",
      LUDLOW_UNHEALTHY: "1",
    });
    expect(config).toMatchObject({ port: 0, logLevel: "debug", graceMs: 3_000, crashAfterMs: 7_000, unhealthy: true });
    expect(readConfig({ LUDLOW_CRASH: "start" }).crashAfterMs).toBe(0);
  });

  it("reports everything that is wrong at once", () => {
    expect(() =>
      readConfig({ PORT: "65536", LOG_LEVEL: "loud", SHUTDOWN_GRACE_SECONDS: "-1", LUDLOW_CRASH: "soon", LUDLOW_UNHEALTHY: "yes" }),
    ).toThrow(
      [
        'PORT="65536": must be a port number',
        'LOG_LEVEL="loud": must be quiet, info or debug',
        'SHUTDOWN_GRACE_SECONDS="-1": must be a number of seconds',
        'LUDLOW_CRASH="soon": must be start or after:SECONDS',
        'LUDLOW_UNHEALTHY="yes": must be 0 or 1',
      ].join("\n"),
    );
  });
});
