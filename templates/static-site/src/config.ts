/** What differs between environments, read when the page loads: one build serves them all. */

export interface Config {
  environment: string;
  apiUrl: string;
}

/** Reads a configuration that the server wrote. */
export function parseConfig(value: unknown): Config {
  const { ENVIRONMENT, API_URL } = (typeof value === "object" && value !== null ? value : {}) as Record<string, unknown>;
  return {
    environment: typeof ENVIRONMENT === "string" ? ENVIRONMENT : "unknown",
    apiUrl: typeof API_URL === "string" ? API_URL : "/api",
  };
}

/** Fetches it; a page that cannot says so instead of calling the wrong place. */
export async function loadConfig(fetcher: typeof fetch = fetch): Promise<Config> {
  const response = await fetcher("/config.json", { cache: "no-store" });
  if (!response.ok) throw new Error(`/config.json answered ${response.status}`);
  return parseConfig(await response.json());
}
