import { describe, expect, it } from "vitest";

import { loadConfig, parseConfig } from "../src/config";

describe("configuration of the page", () => {
  it("takes what the server wrote", () => {
    expect(parseConfig({ ENVIRONMENT: "qa", API_URL: "https://api" })).toEqual({ environment: "qa", apiUrl: "https://api" });
  });

  it.each([null, "text", { API_URL: 7 }, []])("has defaults for %j", (value) => {
    expect(parseConfig(value)).toEqual({ environment: "unknown", apiUrl: "/api" });
  });

  it("says that it cannot be loaded", async () => {
    const broken = () => Promise.resolve(new Response("", { status: 500 }));
    await expect(loadConfig(broken)).rejects.toThrow("/config.json answered 500");
    const whole = () => Promise.resolve(Response.json({ ENVIRONMENT: "dev" }));
    expect((await loadConfig(whole)).environment).toBe("dev");
  });
});
