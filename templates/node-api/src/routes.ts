/** What is answered to which request. */

import { setTimeout as delay } from "node:timers/promises";

import type { Config } from "./config.js";

export interface Answer {
  status: number;
  type: string;
  body: string;
  headers?: Record<string, string>;
}

const MOST_DELAY_MS = 30_000;

/** Decides by method and URL; `host` says which task answers. */
export async function answer(config: Config, host: string, method: string, url: string): Promise<Answer> {
  if (method !== "GET" && method !== "HEAD") {
    return { ...text(405, "only GET and HEAD"), headers: { allow: "GET, HEAD" } };
  }
  const { pathname, searchParams } = parsed(url);
  switch (pathname) {
    case "/":
      return text(200, `${config.name} ${config.version} on ${host}`);
    case "/healthz":
      return config.unhealthy ? text(500, "unhealthy, as LUDLOW_UNHEALTHY=1 asks") : text(200, "ok");
    case "/version": {
      const { name, version, commit } = config;
      return { status: 200, type: "application/json", body: `${JSON.stringify({ name, version, commit })}\n` };
    }
    case "/slow":
      return slow(searchParams.get("ms") ?? "2000");
    default:
      return text(404, "no such path");
  }
}

async function slow(ms: string): Promise<Answer> {
  if (!/^\d{1,5}$/.test(ms) || Number(ms) > MOST_DELAY_MS) {
    return text(400, `ms must be a number up to ${MOST_DELAY_MS}`);
  }
  await delay(Number(ms));
  return text(200, `waited ${Number(ms)} ms`);
}

function parsed(url: string): URL {
  try {
    return new URL(url, "http://localhost");
  } catch {
    return new URL("http://localhost/not-a-path");
  }
}

function text(status: number, body: string): Answer {
  return { status, type: "text/plain; charset=utf-8", body: `${body}\n` };
}
