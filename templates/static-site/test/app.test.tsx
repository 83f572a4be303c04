// @vitest-environment jsdom
import { act } from "react";
import { createRoot } from "react-dom/client";
import { expect, it } from "vitest";

import { App, Failure } from "../src/app";

(globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean }).IS_REACT_ACT_ENVIRONMENT = true;

async function shown(element: React.ReactNode): Promise<string> {
  const target = document.createElement("div");
  await act(async () => createRoot(target).render(element));
  return target.textContent ?? "";
}

it("shows where it is", async () => {
  const text = await shown(<App config={{ environment: "qa", apiUrl: "https://api" }} />);
  expect(text).toBe("LudlowThis is qa; its interface is https://api.");
});

it("shows why it cannot start", async () => {
  expect(await shown(<Failure reason="<b>no</b>" />)).toBe("Ludlow cannot start<b>no</b>");
});
