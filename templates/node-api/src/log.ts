/** One JSON object a line on stdout, where ECS's log driver takes it from. */

import type { LogLevel } from "./config.js";

export type Fields = Record<string, string | number | boolean>;

export interface Log {
  /** Starts, stops and failures: always said. */
  always(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  debug(message: string, fields?: Fields): void;
}

/** A log that writes lines with `write`. */
export function makeLog(level: LogLevel, write: (line: string) => void): Log {
  const say = (message: string, fields: Fields = {}): void => {
    // JSON escapes line ends, so nobody's text can begin a line of its own.
    write(JSON.stringify({ time: new Date().toISOString(), message, ...fields }));
  };
  const silent = (): void => {};
  return {
    always: say,
    info: level === "quiet" ? silent : say,
    debug: level === "debug" ? say : silent,
  };
}
