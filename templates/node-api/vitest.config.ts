import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    reporters: ["default", ["junit", { outputFile: "reports/junit.xml" }]],
    coverage: {
      provider: "v8",
      include: ["src/**"],
      // main.ts is run by tests as a process of its own, which coverage does not see.
      exclude: ["src/main.ts"],
      reporter: ["text-summary", "html", "lcov", "json-summary"],
      // A failing run has coverage, too.
      reportOnFailure: true,
    },
  },
});
