import { defineConfig } from "vitest/config";

export default defineConfig({
  esbuild: { jsx: "automatic" },
  // Nothing of the environment is built in: what differs is in /config.json, which the server writes when it starts.
  envPrefix: [],
  build: { assetsDir: "assets", sourcemap: true },
  test: {
    include: ["test/**/*.test.{ts,tsx}"],
    reporters: ["default", ["junit", { outputFile: "reports/junit.xml" }]],
    coverage: {
      provider: "v8",
      include: ["src/**", "server/**"],
      exclude: ["src/main.tsx", "server/main.mjs"],
      reporter: ["text-summary", "html", "lcov", "json-summary"],
      // A failing run has coverage, too.
      reportOnFailure: true,
    },
  },
});
