/** The site's files, and what is answered to which request. */

import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { extname, join, relative, sep } from "node:path";

/** @typedef {{ type: string, body: Buffer, etag: string, cache: string }} Page */
/** @typedef {{ status: number, headers: Record<string, string>, body: Buffer }} Answer */

const TYPES = new Map([
  [".html", "text/html; charset=utf-8"],
  [".js", "text/javascript; charset=utf-8"],
  [".css", "text/css; charset=utf-8"],
  [".json", "application/json"],
  [".map", "application/json"],
  [".svg", "image/svg+xml"],
  [".png", "image/png"],
  [".ico", "image/x-icon"],
  [".woff2", "font/woff2"],
  [".txt", "text/plain; charset=utf-8"],
]);

/** Names with a hash of their content never change. */
const FOREVER = "public, max-age=31536000, immutable";
const ASK_AGAIN = "no-cache";

const SECURITY = {
  "content-security-policy": "default-src 'self'; connect-src 'self' https:; img-src 'self' data:; frame-ancestors 'none'",
  "referrer-policy": "strict-origin-when-cross-origin",
  "x-content-type-options": "nosniff",
};

/** What the page may know: variables that begin with `PUBLIC_`, and no other.
 * @param {Record<string, string | undefined>} environment */
export function publicConfig(environment) {
  const prefix = "PUBLIC_";
  return Object.fromEntries(
    Object.entries(environment)
      .filter(([name, value]) => name.startsWith(prefix) && value !== undefined)
      .map(([name, value]) => [name.slice(prefix.length), value]),
  );
}

/** Reads a whole site into memory: no request touches the disk, so none can leave the directory.
 * @param {string} directory
 * @param {Record<string, string | undefined>} environment
 * @returns {Promise<Map<string, Page>>} */
export async function loadSite(directory, environment) {
  /** @type {Map<string, Page>} */
  const pages = new Map();
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  for (const entry of entries.filter((entry) => entry.isFile())) {
    const path = join(entry.parentPath, entry.name);
    const name = `/${relative(directory, path).split(sep).join("/")}`;
    pages.set(name, page(name, await readFile(path), name.startsWith("/assets/") ? FOREVER : ASK_AGAIN));
  }
  if (!pages.has("/index.html")) throw new Error(`there is no index.html in ${directory}`);
  const config = Buffer.from(`${JSON.stringify(publicConfig(environment))}\n`);
  pages.set("/config.json", page("/config.json", config, "no-store"));
  return pages;
}

/** @param {string} name @param {Buffer} body @param {string} cache @returns {Page} */
function page(name, body, cache) {
  const etag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
  return { type: TYPES.get(extname(name)) ?? "application/octet-stream", body, etag, cache };
}

/** @param {Map<string, Page>} pages
 * @param {string} method
 * @param {string} url
 * @param {string | undefined} known The version that the caller has.
 * @returns {Answer} */
export function answer(pages, method, url, known) {
  if (method !== "GET" && method !== "HEAD") return text(405, "only GET and HEAD", { allow: "GET, HEAD" });
  const path = pathOf(url);
  if (path === "/healthz") return text(200, "ok", {});
  // A path without an extension is one of the application's own.
  const found = pages.get(path) ?? (extname(path) === "" ? pages.get("/index.html") : undefined);
  if (!found) return text(404, "no such path", {});
  const headers = { ...SECURITY, "content-type": found.type, "cache-control": found.cache, etag: found.etag };
  if (known === found.etag) return { status: 304, headers, body: Buffer.alloc(0) };
  return { status: 200, headers, body: found.body };
}

/** @param {string} url */
function pathOf(url) {
  try {
    return decodeURIComponent(new URL(url, "http://localhost").pathname);
  } catch {
    return "/not.a.path";
  }
}

/** @param {number} status @param {string} body @param {Record<string, string>} headers @returns {Answer} */
function text(status, body, headers) {
  const all = { ...SECURITY, "content-type": "text/plain; charset=utf-8", "cache-control": "no-store", ...headers };
  return { status, headers: all, body: Buffer.from(`${body}\n`) };
}
