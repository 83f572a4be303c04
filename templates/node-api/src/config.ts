/** The environment variables, checked all at once. */

export type LogLevel = "quiet" | "info" | "debug";

export interface Config {
  /** Port on every interface; 0 takes a free one. */
  port: number;
  logLevel: LogLevel;
  /** Milliseconds that requests in flight may take after SIGTERM. */
  graceMs: number;
  name: string;
  version: string;
  commit: string;
  /** Milliseconds after which it fails on purpose: 0 is before it listens. */
  crashAfterMs: number | undefined;
  unhealthy: boolean;
}

/** Wrong values, one line each. */
export class ConfigError extends Error {}

type Environment = Record<string, string | undefined>;

/** Reads the variables; an empty one counts as not set. */
export function readConfig(environment: Environment): Config {
  const problems: string[] = [];
  const parsed = <T>(name: string, fallback: T, must: string, parse: (text: string) => T | undefined): T => {
    const text = environment[name];
    if (text === undefined || text === "") return fallback;
    const value = parse(text);
    if (value === undefined) problems.push(`${name}=${JSON.stringify(text)}: must be ${must}`);
    return value ?? fallback;
  };
  const config: Config = {
    port: parsed("PORT", 8080, "a port number", (text) => whole(text, 65_535)),
    logLevel: parsed<LogLevel>("LOG_LEVEL", "info", "quiet, info or debug", (text) =>
      text === "quiet" || text === "info" || text === "debug" ? text : undefined,
    ),
    graceMs: parsed("SHUTDOWN_GRACE_SECONDS", 25_000, "a number of seconds", (text) => {
      const seconds = whole(text, 3_600);
      return seconds === undefined ? undefined : seconds * 1_000;
    }),
    name: "ludlow",
    version: environment["APP_VERSION"] || "0.1.0",
    commit: environment["APP_COMMIT"] || "unknown",
    crashAfterMs: parsed<number | undefined>("LUDLOW_CRASH", undefined, "start or after:SECONDS", crash),
    unhealthy: parsed("LUDLOW_UNHEALTHY", false, "0 or 1", (text) =>
      text === "1" ? true : text === "0" ? false : undefined,
    ),
  };
  if (problems.length > 0) throw new ConfigError(problems.join("\n"));
  return config;
}

function whole(text: string, most: number): number | undefined {
  if (!/^\d{1,9}$/.test(text)) return undefined;
  const value = Number(text);
  return value <= most ? value : undefined;
}

function crash(text: string): number | undefined {
  if (text === "start") return 0;
  const seconds = text.startsWith("after:") ? whole(text.slice("after:".length), 86_400) : undefined;
  return seconds === undefined ? undefined : Math.max(seconds * 1_000, 1);
}
