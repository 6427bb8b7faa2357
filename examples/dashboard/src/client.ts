import createClient from "openapi-fetch";
import { useEffect, useState } from "react";
import type { components, paths } from "./api";

export type Schemas = components["schemas"];

const site = document.querySelector<HTMLMetaElement>("meta[name=site]")?.content ?? "..";

/** The API. The page asks only for paths that a static host has, too: those without `x-live-only`. */
export const api = createClient<paths>({ baseUrl: new URL(site, document.baseURI).href });

/** The data of a response; an exception if it is an error. */
export async function data<T>(request: Promise<{ data?: T; response: Response }>): Promise<T> {
  const { data, response } = await request;
  if (data === undefined) throw new Error(`${response.status} for ${response.url}`);
  return data;
}

/** What `load` gives, again for each `key`: undefined until it is there. Errors are thrown while rendering. */
export function useData<T>(key: string, load: () => Promise<T>): T | undefined {
  const [state, setState] = useState<{ key: string; value?: T; error?: unknown }>({ key: "" });
  useEffect(() => {
    let current = true;
    load().then(
      (value) => current && setState({ key, value }),
      (error: unknown) => current && setState({ key, error }),
    );
    return () => {
      current = false;
    };
  }, [key]);
  if (state.key !== key) return undefined;
  if (state.error) throw state.error;
  return state.value;
}
