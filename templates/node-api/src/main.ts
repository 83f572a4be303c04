/** The process: environment, signals, exit codes. 0 stopped, 1 failed, 2 wrong configuration. */

import { type Config, ConfigError, readConfig } from "./config.js";
import { makeLog } from "./log.js";
import { listen, type Service } from "./server.js";

function fatal(message: string, code: number): never {
  process.stderr.write(`ludlow: fatal: ${message}\n`);
  process.exit(code);
}

function configured(): Config {
  try {
    return readConfig(process.env);
  } catch (error) {
    if (error instanceof ConfigError) fatal(error.message, 2);
    throw error;
  }
}

const config = configured();
if (config.crashAfterMs === 0) fatal("crash at start, as LUDLOW_CRASH=start asks", 1);
const log = makeLog(config.logLevel, (line) => process.stdout.write(`${line}\n`));

// Before it listens: a signal that comes in between must not end it half-way.
let service: Service | undefined;
let stopping = false;
for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.on(signal, () => {
    // Whoever asks twice does not want to wait.
    if (stopping) process.exit(1);
    stopping = true;
    log.always("stopping", { signal });
    void (service?.stop() ?? Promise.resolve(true)).then((drained) => {
      log.always("stopped", { drained });
      // Timers may still run.
      process.exit(0);
    });
  });
}
service = await listen(config, log).catch((error: unknown) => fatal(String(error), 1));
if (config.crashAfterMs !== undefined) {
  setTimeout(() => fatal("crash, as LUDLOW_CRASH asks", 1), config.crashAfterMs);
}
