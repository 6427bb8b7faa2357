// Drizzle ORM on better-sqlite3: one INSERT with 1,000 rows of values at a time, each in its transaction.
//
//     node drizzle.mjs ROSTERS SEED OUTPUT
//
// On: WAL with synchronous NORMAL, and foreign keys, as in better_sqlite3.mjs.

import Database from "better-sqlite3";
import { getTableColumns, getTableName } from "drizzle-orm";
import { drizzle } from "drizzle-orm/better-sqlite3";
import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";

import { batches, schema } from "./world.mjs";

// What an INSERT needs of examples/drizzle/schema.ts: names and types. The tables are made by sql/schema.sql.
const key = () => integer("id").primaryKey({ autoIncrement: true });
const number = (name) => integer(name).notNull();
const words = (name) => text(name).notNull();

const TABLES = [
  sqliteTable("rosters", { id: key(), name: words("name"), createdAt: text("created_at") }),
  sqliteTable("students", {
    id: key(),
    rosterId: number("roster_id"),
    name: words("name"),
    externalId: text("external_id"),
    createdAt: text("created_at"),
  }),
  sqliteTable("test_groups", { id: key(), name: words("name") }),
  sqliteTable("tests", {
    id: key(),
    groupId: number("group_id"),
    sequence: number("sequence"),
    name: words("name"),
    administeredAt: text("administered_at"),
  }),
  sqliteTable("reporting_categories", { id: key(), name: words("name"), description: text("description") }),
  sqliteTable("standards", {
    id: key(),
    rcId: number("rc_id"),
    domain: words("domain"),
    subDomain: text("sub_domain"),
    code: words("code"),
    description: words("description"),
  }),
  sqliteTable("performance_levels", {
    id: key(),
    level: number("level"),
    name: words("name"),
    description: words("description"),
    minScore: number("min_score"),
    maxScore: integer("max_score"),
    color: words("color"),
  }),
  sqliteTable("scores", {
    id: key(),
    studentId: number("student_id"),
    testId: number("test_id"),
    overallScore: number("overall_score"),
    level: number("level"),
    rcScores: words("rc_scores"),
    stdScores: words("std_scores"),
  }),
  sqliteTable("assignments", {
    id: key(),
    name: words("name"),
    platform: words("platform"),
    groupId: number("group_id"),
    rcId: integer("rc_id"),
    createdAfterTestId: number("created_after_test_id"),
    impactedTestId: integer("impacted_test_id"),
    createdAt: text("created_at"),
  }),
  sqliteTable("assignment_standards", { assignmentId: number("assignment_id"), standardId: number("standard_id") }),
  sqliteTable("assignment_students", {
    assignmentId: number("assignment_id"),
    studentId: number("student_id"),
    status: words("status"),
    startedAt: text("started_at"),
    completedAt: text("completed_at"),
  }),
];
const tables = new Map(TABLES.map((table) => [getTableName(table), [table, Object.keys(getTableColumns(table))]]));

const [rosters, seed, output] = process.argv.slice(2);
const client = new Database(output);
for (const pragma of ["journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"]) client.pragma(pragma);
client.exec(schema);

const db = drizzle(client);
for (const [name, rows] of batches(Number(rosters), Number(seed))) {
  const [table, columns] = tables.get(name);
  const values = rows.map((row) => Object.fromEntries(row.map((value, index) => [columns[index], value])));
  db.transaction((transaction) => transaction.insert(table).values(values).run());
}
client.close();
