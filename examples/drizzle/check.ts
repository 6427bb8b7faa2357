// Opens a database through drizzle, reads every table, and goes on writing, as an application would.
//
//   npm run --silent check -- path/to/a/copy.db
//
// It inserts and deletes rows: give it a copy. Prints one line of JSON with what it found; exits 1 and says what is wrong on any
// mismatch.

import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

import { createClient } from "@libsql/client";
import { asc, count, desc, eq, getTableColumns, getTableName, max, type SQL, sql } from "drizzle-orm";
import { drizzle, type LibSQLDatabase } from "drizzle-orm/libsql";
import { getTableConfig, type SQLiteTable } from "drizzle-orm/sqlite-core";

import * as schema from "./schema.ts";

type Database = LibSQLDatabase<typeof schema>;

const TABLES = [
  schema.rosters,
  schema.students,
  schema.testGroups,
  schema.tests,
  schema.reportingCategories,
  schema.standards,
  schema.performanceLevels,
  schema.scores,
  schema.assignments,
  schema.assignmentStandards,
  schema.assignmentStudents,
  schema.plantedEffects,
  schema.impactMeans,
  schema.impactEstimates,
] as const;

const TIMESTAMP = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/;

class Mismatch extends Error {}

function expect(holds: boolean, wrong: string): asserts holds {
  if (!holds) throw new Mismatch(wrong);
}

function expectEqual(found: unknown, expected: unknown, what: string): void {
  const [left, right] = [JSON.stringify(found), JSON.stringify(expected)];
  expect(left === right, `${what}: found ${left}, expected ${right}`);
}

function single<T>(rows: T[], what: string): T {
  const [row] = rows;
  expect(row !== undefined && rows.length === 1, `${what}: ${rows.length} rows, expected one`);
  return row;
}

/** Two descriptions of each table, drizzle's and the database's, are the same. */
async function checkSchema(db: Database): Promise<void> {
  const stored = await db.all<{ name: string }>(
    sql`SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\\' ORDER BY name`,
  );
  expectEqual(stored.map((row) => row.name), TABLES.map((table) => getTableName(table)).sort(), "tables");
  for (const table of TABLES) {
    const config = getTableConfig(table);
    const composite = config.primaryKeys.flatMap((key) => key.columns.map((column) => column.name));
    expectEqual(
      await db.all(sql`SELECT name, lower(type) AS type, "notnull" OR pk > 0 AS required, pk > 0 AS key,
        dflt_value IS NOT NULL AS preset FROM pragma_table_info(${config.name}) ORDER BY cid`),
      config.columns.map((column) => ({
        name: column.name,
        type: column.getSQLType(),
        required: Number(column.notNull || column.primary),
        key: Number(column.primary || composite.includes(column.name)),
        preset: Number(column.default !== undefined),
      })),
      `columns of ${config.name}`,
    );
    expectEqual(
      await db.all(sql`SELECT "from", "table", "to", lower(on_delete) AS deletion
        FROM pragma_foreign_key_list(${config.name}) ORDER BY "from"`),
      config.foreignKeys
        .map((key) => ({ ...key.reference(), deletion: key.onDelete ?? "no action" }))
        .map(({ columns, foreignTable, foreignColumns, deletion }) => ({
          from: columns[0]?.name,
          table: getTableName(foreignTable),
          to: foreignColumns[0]?.name,
          deletion,
        }))
        .sort((a, b) => (String(a.from) < String(b.from) ? -1 : 1)),
      `foreign keys of ${config.name}`,
    );
    const indexed = await db.all<{ name: string; unique: number; origin: string; columns: string }>(
      sql`SELECT list.name, list."unique", list.origin, (SELECT group_concat(name) FROM
        (SELECT name FROM pragma_index_info(list.name) ORDER BY seqno)) AS columns
        FROM pragma_index_list(${config.name}) AS list ORDER BY list.name`,
    );
    expectEqual(
      indexed.filter((row) => row.origin === "c").map((row) => `${row.name}(${row.columns})`),
      config.indexes
        .map(({ config: { name, columns } }) => `${name}(${columns.map((c) => ("name" in c ? c.name : "?")).join()})`)
        .sort(),
      `indexes of ${config.name}`,
    );
    expectEqual(
      indexed.filter((row) => row.origin === "u").map((row) => row.columns),
      [
        ...config.uniqueConstraints.map((constraint) => constraint.columns.map((column) => column.name).join()),
        ...config.columns.filter((column) => column.isUnique).map((column) => column.name),
      ],
      `unique constraints of ${config.name}`,
    );
  }
}

/** Every table can be read, and its rows have the properties of the schema. */
async function readTables(db: Database): Promise<Record<string, number>> {
  const rows: Record<string, number> = {};
  for (const table of TABLES as readonly SQLiteTable[]) {
    const name = getTableName(table);
    rows[name] = single(await db.select({ rows: count() }).from(table), `count of ${name}`).rows;
    expect(rows[name] > 0, `${name} is empty`);
    const [first] = await db.select().from(table).limit(1);
    expectEqual(Object.keys(first ?? {}), Object.keys(getTableColumns(table)), `properties of ${name}`);
  }
  return rows;
}

/** Joins by name follow the foreign keys both ways. */
async function checkRelations(db: Database): Promise<void> {
  const roster = await db.query.rosters.findFirst({
    with: { students: { with: { scores: { with: { test: { with: { group: true } }, performanceLevel: true } } } } },
    orderBy: asc(schema.rosters.id),
  });
  expect(roster !== undefined && roster.students.length > 0, "the first roster has no students");
  for (const student of roster.students) {
    expectEqual(student.rosterId, roster.id, `roster of student ${student.id}`);
    for (const score of student.scores) {
      const { minScore, maxScore } = score.performanceLevel;
      expect(
        minScore <= score.overallScore && score.overallScore <= (maxScore ?? Infinity),
        `score ${score.id}: ${score.overallScore} lies outside level ${score.level}`,
      );
      expectEqual(score.test.group.id, score.test.groupId, `group of test ${score.test.id}`);
    }
  }
  for (const assignment of await db.query.assignments.findMany({
    with: {
      group: true,
      category: true,
      createdAfterTest: true,
      impactedTest: true,
      standards: { with: { standard: { with: { category: true } } } },
      students: { with: { student: true }, limit: 1 },
    },
  })) {
    const { name, category, createdAfterTest, impactedTest } = assignment;
    expect(schema.platforms.includes(assignment.platform), `${name}: unknown platform '${assignment.platform}'`);
    expect(
      impactedTest === null || createdAfterTest.sequence < impactedTest.sequence,
      `${name} follows ${createdAfterTest.name} but impacts ${impactedTest?.name}`,
    );
    expect(assignment.standards.length > 0, `${name} covers no standard`);
    for (const { standard } of assignment.standards) {
      if (category) expectEqual(standard.category.id, category.id, `category of ${standard.code} in ${name}`);
    }
    for (const row of assignment.students) {
      expect(schema.statuses.includes(row.status), `${name}: unknown status '${row.status}'`);
      expectEqual(row.student.id, row.studentId, `student of ${name}`);
    }
  }
}

/** Both JSON columns come back as objects of whole numbers, one for each category or standard. */
async function checkJson(db: Database): Promise<void> {
  const categories = await db.select({ id: schema.reportingCategories.id }).from(schema.reportingCategories);
  const standards = await db.select({ id: schema.standards.id }).from(schema.standards);
  const ids = (rows: { id: number }[]): string[] => rows.map((row) => row.id).sort((a, b) => a - b).map(String);
  const [rcKeys, stdKeys] = [ids(categories), ids(standards)];
  const { id } = schema.scores;
  const ends = [
    ...(await db.select().from(schema.scores).orderBy(asc(id)).limit(100)),
    ...(await db.select().from(schema.scores).orderBy(desc(id)).limit(100)),
  ];
  for (const score of ends) {
    expectEqual(Object.keys(score.rcScores), rcKeys, `rcScores of score ${score.id}`);
    expectEqual(Object.keys(score.stdScores), stdKeys, `stdScores of score ${score.id}`);
    for (const value of [...Object.values(score.rcScores), ...Object.values(score.stdScores)]) {
      expect(Number.isInteger(value), `score ${score.id} holds ${JSON.stringify(value)}, not a whole number`);
    }
  }
}

/** The id that autoincrement gives next. */
async function nextId(db: Database, table: typeof schema.rosters | typeof schema.students | typeof schema.scores) {
  const name = getTableName(table);
  const { last } = single(await db.select({ last: max(table.id) }).from(table), `last id of ${name}`);
  const { seq } = single(
    await db.all<{ seq: number }>(sql`SELECT seq FROM sqlite_sequence WHERE name = ${name}`),
    `sqlite_sequence of ${name}`,
  );
  expectEqual(seq, last, `sqlite_sequence of ${name}`);
  return seq + 1;
}

/** New rows take the next ids and the defaults, drizzle's and the database's own. */
async function insertRows(db: Database): Promise<Record<string, number>> {
  const next = {
    rosters: await nextId(db, schema.rosters),
    students: await nextId(db, schema.students),
    scores: await nextId(db, schema.scores),
  };
  const test = single(await db.select().from(schema.tests).orderBy(asc(schema.tests.id)).limit(1), "first test");
  const level = single(
    await db.select().from(schema.performanceLevels).orderBy(asc(schema.performanceLevels.level)).limit(1),
    "first level",
  );

  const newRoster: schema.NewRoster = { name: "Ms. Example - Drizzle" };
  const roster = single(await db.insert(schema.rosters).values(newRoster).returning(), "inserted roster");
  expectEqual(roster.id, next.rosters, "id of the inserted roster");
  expect(TIMESTAMP.test(roster.createdAt ?? ""), `createdAt of the inserted roster: ${roster.createdAt}`);

  const newStudent: schema.NewStudent = { rosterId: roster.id, name: "Sam Example" };
  const student = single(await db.insert(schema.students).values(newStudent).returning(), "inserted student");
  expectEqual(student.id, next.students, "id of the inserted student");
  expectEqual(student.externalId, null, "externalId of the inserted student");
  expect(TIMESTAMP.test(student.createdAt ?? ""), `createdAt of the inserted student: ${student.createdAt}`);

  const newScore: schema.NewScore = {
    studentId: student.id,
    testId: test.id,
    overallScore: level.minScore,
    level: level.level,
  };
  const score = single(await db.insert(schema.scores).values(newScore).returning(), "inserted score");
  expectEqual(score.id, next.scores, "id of the inserted score");
  expectEqual([score.rcScores, score.stdScores], [{}, {}], "JSON of the inserted score");

  const assignment = single(
    await db.select().from(schema.assignments).orderBy(asc(schema.assignments.id)).limit(1),
    "first assignment",
  );
  const newAssignmentStudent: schema.NewAssignmentStudent = { assignmentId: assignment.id, studentId: student.id };
  const given = single(
    await db.insert(schema.assignmentStudents).values(newAssignmentStudent).returning(),
    "inserted assignment_students",
  );
  expectEqual(
    [given.status, given.startedAt, given.completedAt],
    ["not_started", null, null],
    "defaults of the inserted assignment_students",
  );

  // Drizzle sends its own defaults, so the database's are asked for in plain SQL.
  const plainRoster = single(
    await db.all<{ id: number; created_at: string }>(
      sql`INSERT INTO rosters (name) VALUES ('Mr. Example - SQL') RETURNING id, created_at`,
    ),
    "roster inserted in SQL",
  );
  expectEqual(plainRoster.id, roster.id + 1, "id of the roster inserted in SQL");
  expect(TIMESTAMP.test(plainRoster.created_at), `created_at of the roster inserted in SQL: ${plainRoster.created_at}`);
  const plainStudent = single(
    await db.all<{ id: number; created_at: string }>(
      sql`INSERT INTO students (roster_id, name) VALUES (${plainRoster.id}, 'Alex Example') RETURNING id, created_at`,
    ),
    "student inserted in SQL",
  );
  expectEqual(plainStudent.id, student.id + 1, "id of the student inserted in SQL");
  expect(
    TIMESTAMP.test(plainStudent.created_at),
    `created_at of the student inserted in SQL: ${plainStudent.created_at}`,
  );
  expectEqual(
    await db.all(sql`INSERT INTO scores (student_id, test_id, overall_score, level)
      VALUES (${plainStudent.id}, ${test.id}, ${level.minScore}, ${level.level}) RETURNING id, rc_scores, std_scores`),
    [{ id: score.id + 1, rc_scores: "{}", std_scores: "{}" }],
    "score inserted in SQL",
  );
  expectEqual(
    await db.all(sql`INSERT INTO assignment_students (assignment_id, student_id)
      VALUES (${assignment.id}, ${plainStudent.id}) RETURNING status, started_at, completed_at`),
    [{ status: "not_started", started_at: null, completed_at: null }],
    "assignment_students inserted in SQL",
  );
  return { rosters: roster.id, students: student.id, scores: score.id };
}

/** The message with which the database refuses a statement; a statement that it accepts is a mismatch. */
async function refusal(what: string, statement: PromiseLike<unknown>, reason: string): Promise<string> {
  try {
    await statement;
  } catch (error) {
    for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
      if (cause.message.includes(reason)) return reason;
    }
    throw error;
  }
  throw new Mismatch(`${what} was accepted, expected: ${reason}`);
}

/** Rows that break a rule are refused by the database, not only by TypeScript. */
async function checkRefusals(db: Database, inserted: Record<string, number>): Promise<Record<string, string>> {
  const nowhere = 2 ** 40; // an id that no row has
  const studentId = inserted.students ?? nowhere;
  const assignment = single(await db.select().from(schema.assignments).limit(1), "an assignment");
  const { id: _, ...copy } = assignment;
  const score = single(await db.select().from(schema.scores).limit(1), "a score");
  const foreignKey = "FOREIGN KEY constraint failed";
  const check = "CHECK constraint failed";
  const insert = {
    orphan: db.insert(schema.students).values({ rosterId: nowhere, name: "No Roster" }),
    unknownLevel: db.insert(schema.scores).values({ studentId, testId: 2, overallScore: 5000, level: 99 }),
    badPlatform: db.insert(schema.assignments).values({ ...copy, platform: "abacus" as schema.Assignment["platform"] }),
    badStatus: db
      .update(schema.assignmentStudents)
      .set({ status: "lost" as schema.AssignmentStudent["status"] })
      .where(sql`${schema.assignmentStudents.studentId} = ${studentId}`),
    secondScore: db.insert(schema.scores).values({ ...score, id: nowhere }),
    nameless: db.insert(schema.rosters).values({ name: null } as unknown as schema.NewRoster),
  };
  return {
    orphan: await refusal("a student of no roster", insert.orphan, foreignKey),
    unknownLevel: await refusal("a level that does not exist", insert.unknownLevel, foreignKey),
    badPlatform: await refusal("platform 'abacus'", insert.badPlatform, check),
    badStatus: await refusal("status 'lost'", insert.badStatus, check),
    secondScore: await refusal("a second score on one test", insert.secondScore, "UNIQUE constraint failed"),
    nameless: await refusal("a roster without a name", insert.nameless, "NOT NULL constraint failed"),
  };
}

/** Deleting an assignment takes with it what only belongs to it, and nothing else. */
async function deleteAssignment(db: Database): Promise<Record<string, number>> {
  const { id } = single(await db.select().from(schema.assignments).limit(1), "an assignment");
  const own = [
    schema.assignmentStandards,
    schema.assignmentStudents,
    schema.plantedEffects,
    schema.impactMeans,
    schema.impactEstimates,
  ];
  const before = await readTables(db);
  const lost: Record<string, number> = { assignments: 1 };
  for (const table of own) {
    lost[getTableName(table)] = await db.$count(table, eq(table.assignmentId, id));
  }
  await db.delete(schema.assignments).where(eq(schema.assignments.id, id));
  for (const [name, rows] of Object.entries(await readTables(db))) {
    expectEqual(rows, (before[name] ?? 0) - (lost[name] ?? 0), `${name} without assignment ${id}`);
  }
  return lost;
}

async function pragma(db: Database, query: SQL): Promise<unknown> {
  return Object.values(single(await db.all<Record<string, unknown>>(query), "PRAGMA"))[0];
}

async function main(paths: string[]): Promise<void> {
  const [path] = paths;
  expect(path !== undefined && paths.length === 1, "usage: npm run --silent check -- path/to/a/copy.db");
  expect(existsSync(path), `${path}: no such file; build a database and copy it first`);
  const client = createClient({ url: pathToFileURL(resolve(path)).href });
  try {
    const db = drizzle(client, { schema });
    await db.run(sql`PRAGMA foreign_keys = ON`);
    await db.run(sql`PRAGMA journal_mode = WAL`);
    expectEqual(await pragma(db, sql`PRAGMA foreign_keys`), 1, "PRAGMA foreign_keys");
    expectEqual(await pragma(db, sql`PRAGMA integrity_check`), "ok", "PRAGMA integrity_check");
    await checkSchema(db);
    const rows = await readTables(db);
    await checkRelations(db);
    await checkJson(db);
    const inserted = await insertRows(db);
    const refused = await checkRefusals(db, inserted);
    const deleted = await deleteAssignment(db);
    console.log(JSON.stringify({ tables: TABLES.length, rows, inserted, refused, deleted }));
  } finally {
    client.close();
  }
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Mismatch ? `check.ts: ${error.message}` : error);
  process.exitCode = 1;
}
