import type { Config } from "./config";

export function App({ config }: { config: Config }) {
  return (
    <main>
      <h1>Ludlow</h1>
      <p>
        This is <strong>{config.environment}</strong>; its interface is <code>{config.apiUrl}</code>.
      </p>
    </main>
  );
}

export function Failure({ reason }: { reason: string }) {
  return (
    <main role="alert">
      <h1>Ludlow cannot start</h1>
      <p>{reason}</p>
    </main>
  );
}
