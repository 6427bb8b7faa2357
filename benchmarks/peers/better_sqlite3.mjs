// better-sqlite3 as its documentation has it: prepared statements, a transaction for every 1,000 rows.
//
//     node better_sqlite3.mjs ROSTERS SEED OUTPUT [tuned]
//
// On: WAL with synchronous NORMAL, which the library recommends, and foreign keys, its default. `tuned` is what may be
// done for a new file that nobody else reads: no journal, no sync, no foreign keys, 64 KiB pages.

import Database from "better-sqlite3";

import { batches, schema } from "./world.mjs";

const [rosters, seed, output, tuned] = process.argv.slice(2);
const PRAGMAS = tuned
  ? ["page_size = 65536", "journal_mode = OFF", "synchronous = OFF", "foreign_keys = OFF"]
  : ["journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"];

const db = new Database(output);
for (const pragma of PRAGMAS) db.pragma(pragma);
db.exec(schema);

const statements = new Map();
const insertBatch = db.transaction((statement, rows) => {
  for (const row of rows) statement.run(row);
});
for (const [table, rows] of batches(Number(rosters), Number(seed))) {
  if (!statements.has(table)) {
    statements.set(table, db.prepare(`INSERT INTO ${table} VALUES (${rows[0].map(() => "?")})`));
  }
  insertBatch(statements.get(table), rows);
}
db.close();
