// Copies the document of the current build, without its examples, which types do not need: npm run document
import { readFile, writeFile } from "node:fs/promises";

const text = await readFile(process.argv[2] ?? "../../build/current/api/openapi.json", "utf8");
const content = JSON.parse(text, (key, value) => (key === "example" ? undefined : value));
await writeFile("openapi.json", `${JSON.stringify(content, null, 1)}\n`);
