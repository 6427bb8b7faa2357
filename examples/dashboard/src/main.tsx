import { Component, StrictMode, useSyncExternalStore, type ReactNode } from "react";
import { createRoot } from "react-dom/client";
import { Assignments } from "./assignments";
import { Roster, Rosters } from "./rosters";
import { Student } from "./student";
import "./style.css";

const address = () => location.hash.replace(/^#\/?/, "");

function subscribe(changed: () => void) {
  addEventListener("hashchange", changed);
  return () => removeEventListener("hashchange", changed);
}

function Page({ path }: { path: string }) {
  const [view, first, second] = path.split("/");
  if (view === "assignments") return <Assignments />;
  if (view === "rosters" && first && second) return <Student roster={Number(first)} id={Number(second)} />;
  if (view === "rosters" && first) return <Roster id={Number(first)} />;
  return <Rosters />;
}

class Boundary extends Component<{ children: ReactNode }, { error?: Error }> {
  override state: { error?: Error } = {};

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override render() {
    return this.state.error ? <p role="alert">{this.state.error.message}</p> : this.props.children;
  }
}

function App() {
  const path = useSyncExternalStore(subscribe, address);
  return (
    <>
      <header>
        <nav aria-label="Pages">
          <a href="#/">Classes</a> <a href="#/assignments">Assignments</a>
        </nav>
        <p>All data is synthetic.</p>
      </header>
      <main>
        <Boundary key={path}>
          <Page path={path} />
        </Boundary>
      </main>
    </>
  );
}

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
}
