import { defineConfig } from "vite";

export default defineConfig({
  base: "./", // the page works in any folder
  esbuild: { jsx: "automatic" },
  server: { proxy: { "/api": "http://127.0.0.1:3000" } },
});
