import { createRoot } from "react-dom/client";

import { App, Failure } from "./app";
import { loadConfig } from "./config";

const element = document.getElementById("root");
if (element) {
  const root = createRoot(element);
  loadConfig()
    .then((config) => root.render(<App config={config} />))
    .catch((error: unknown) => root.render(<Failure reason={String(error)} />));
}
