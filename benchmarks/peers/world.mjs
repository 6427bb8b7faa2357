// The default world as a seed script draws it: the rows of all tables, parents first, in batches of up to 1,000.
//
// The reference rows come from data/, the tables from sql/schema.sql. The numbers are those of pipeline.yaml; each
// student is drawn at once, through all tests, so that memory stays flat.

import { readFileSync } from "node:fs";

const BATCH = 1000;
const AS_OF = "2025-08-01 00:00:00";
const TITLES = ["Mr.", "Mrs.", "Ms.", "Dr."];
const MEAN = 5440;
const SD = 95;
const UNTOUCHED = [-15, 15];
const ASSIGNED = { completed: [40, 80], started: [15, 35], not_started: [-15, 15] };
const WINDOWS = [ // rosters as parts of 250
  { after: "PM1", until: "PM2", rosters: [0, 80], levels: [1, 2] },
  { after: "PM3", until: "PM4", rosters: [80, 160], levels: [1] },
  { after: "PM4", until: "PM5", rosters: [160, 250], levels: [1] },
];
const NONE = [];
const DAY = 86_400_000;

const read = (path) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const named = (row, name) => row.name === name;
const clamp = (score) => Math.min(Math.max(score, 5100), 5800);

function mean(scores, indexes) {
  let sum = 0;
  for (const index of indexes) sum += scores[index];
  return Math.round(sum / indexes.length);
}

export const schema = read("sql/schema.sql");

/** The rows of a CSV file, as objects; an empty cell is null. */
function csv(name) {
  const [header, ...rows] = read(`data/${name}.csv`).trimEnd().split("\n").map((line) =>
    Array.from(`${line},`.matchAll(/(?:"((?:[^"]|"")*)"|([^,]*)),/g), ([, quoted, plain]) =>
      quoted?.replaceAll('""', '"') ?? (plain || null)),
  );
  return rows.map((row) => Object.fromEntries(row.map((value, index) => [header[index], value])));
}

/** sfc32: a stream of numbers from 0 to 1 that belongs to a seed. */
function randomOf(seed) {
  let [a, b, c, counter] = [0, seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0, 1];
  const next = () => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum | 0;
    return (sum >>> 0) / 2 ** 32;
  };
  for (let round = 0; round < 12; round++) next();
  return next;
}

/** JSON of scores by id; the ids are the same in all rows, so only the numbers are written each time. */
function jsonWriter(rows) {
  const parts = rows.flatMap(({ id }, index) => [`${index ? "," : "{"}"${id}":`, 0]).concat("}");
  return (scores) => {
    for (let index = 0; index < scores.length; index++) parts[2 * index + 1] = scores[index];
    return parts.join(""); // joined, not added up: V8 would keep every sum as a tree of pieces, for the collector to walk
  };
}

/** Yield [table, rows] with up to 1,000 rows; a row has its values in the order of the table's columns. */
export function* batches(rosters, seed) {
  const random = randomOf(seed);
  const uniform = (low, high) => low + Math.floor(random() * (high - low + 1));
  const pick = (list) => list[uniform(0, list.length - 1)];
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const drawStatus = () => {
    const share = random();
    return share < 0.6 ? "completed" : share < 0.75 ? "started" : "not_started";
  };

  const levels = csv("performance_levels");
  const tests = csv("tests");
  const categories = csv("reporting_categories");
  const standards = csv("standards");
  const covers = csv("intervention_standards").map(({ intervention, standard }) => ({
    intervention,
    index: standards.findIndex(({ code }) => code === standard),
  }));
  const assignments = csv("interventions").map((row) => ({
    ...row,
    after: tests.find((test) => named(test, row.after)),
    impacts: tests.findIndex((test) => named(test, row.impacts)),
    covers: covers.filter(({ intervention }) => named(row, intervention)).map(({ index }) => index),
  }));
  const reference = {
    performance_levels: levels.map(Object.values),
    test_groups: csv("test_groups").map(Object.values),
    tests: tests.map(Object.values),
    reporting_categories: categories.map(Object.values),
    standards: standards.map(Object.values),
    assignments: assignments.map(({ id, name, platform, category, after, impacts }) => [
      id, name, platform, after.group_id, categories.find((row) => named(row, category)).id, after.id,
      tests[impacts].id, `${after.administered_at} 00:00:00`,
    ]),
    assignment_standards: assignments.flatMap(({ id, covers }) => covers.map((index) => [id, standards[index].id])),
  };
  for (const table of Object.entries(reference)) yield table;

  const cuts = levels.map(({ level, min_score }) => [Number(level), Number(min_score)]).reverse();
  const levelOf = (score) => cuts.find(([, low]) => score >= low)[0];
  const members = categories.map(({ id }) => standards.flatMap((row, index) => (row.rc_id === id ? [index] : [])));
  const everyCategory = members.map((_, index) => index);
  const categoryOf = standards.map(({ rc_id }) => categories.findIndex(({ id }) => id === rc_id));
  const categoryJson = jsonWriter(categories);
  const standardJson = jsonWriter(standards);
  const dayOf = (name) => Date.parse(tests.find((test) => named(test, name)).administered_at) / DAY;
  const firstDay = dayOf(tests[0].name);
  const days = Array.from({ length: dayOf(tests.at(-1).name) - firstDay + 1 }, (_, index) =>
    new Date((firstDay + index) * DAY).toISOString().slice(0, 10));
  const windows = WINDOWS.map(({ after, until, rosters: [low, high], levels: chosen }) => ({
    after: tests.findIndex((test) => named(test, after)),
    given: assignments.filter((assignment) => named(assignment.after, after)),
    begin: dayOf(after) - firstDay,
    end: dayOf(until) - firstDay,
    low: Math.floor((low * rosters) / 250),
    high: Math.floor((high * rosters) / 250),
    levels: chosen,
  }));

  const firstNames = csv("first_names").map(({ name }) => name);
  const lastNames = csv("last_names").map(({ name }) => name);
  const subjects = csv("subjects").map(({ name }) => name);
  const titles = lastNames.map(() => pick(TITLES));
  const classes = Array.from({ length: rosters }, (_, number) => {
    const teacher = Math.floor(number / subjects.length) % lastNames.length;
    const cycle = Math.floor(number / (subjects.length * lastNames.length));
    const name = `${titles[teacher]} ${lastNames[teacher]} - ${subjects[number % subjects.length]}`;
    return [number + 1, cycle ? `${name} ${cycle + 1}` : name, AS_OF];
  });
  for (let start = 0; start < rosters; start += BATCH) yield ["rosters", classes.slice(start, start + BATCH)];

  let block = { students: [], scores: [], assignment_students: [] };

  function* written() {
    for (const [table, rows] of Object.entries(block)) {
      for (let start = 0; start < rows.length; start += BATCH) yield [table, rows.slice(start, start + BATCH)];
    }
    block = { students: [], scores: [], assignment_students: [] };
  }

  /** Draw a student's year: the scores of all tests, and the assignments between them. */
  function sit(student, roster) {
    const held = tests.map(() => []); // for each test, what impacts it
    let overall = clamp(Math.round(MEAN + SD * normal()));
    let byCategory = categories.map(() => clamp(overall + uniform(-40, 40)));
    const scores = standards.map((_, index) => clamp(byCategory[categoryOf[index]] + uniform(-25, 25)));
    for (let test = 0; test < tests.length; test++) {
      if (test) {
        const growth = held[test].length ? standards.map(() => -Infinity) : NONE;
        for (const { covers, status } of held[test]) {
          const [low, high] = ASSIGNED[status];
          for (const index of covers) growth[index] = Math.max(growth[index], uniform(low, high));
        }
        for (let index = 0; index < scores.length; index++) {
          const assigned = growth[index] > -Infinity;
          scores[index] = clamp(scores[index] + (assigned ? growth[index] : uniform(UNTOUCHED[0], UNTOUCHED[1])));
        }
        byCategory = members.map((indexes) => mean(scores, indexes));
        overall = mean(byCategory, everyCategory);
      }
      const level = levelOf(overall);
      const id = (student - 1) * tests.length + test + 1;
      block.scores.push([id, student, test + 1, overall, level, categoryJson(byCategory), standardJson(scores)]);
      for (const window of windows) {
        if (window.after !== test || roster <= window.low || roster > window.high) continue;
        if (!window.levels.includes(level)) continue;
        for (const { id, impacts, covers } of window.given) {
          const status = drawStatus();
          const start = uniform(window.begin, window.end);
          const started = status === "not_started" ? null : days[start];
          const completed = status === "completed" ? days[uniform(start, window.end)] : null;
          block.assignment_students.push([id, student, status, started, completed]);
          held[impacts].push({ covers, status });
        }
      }
    }
  }

  let student = 0;
  for (let roster = 1; roster <= rosters; roster++) {
    const size = uniform(30, 40);
    const names = new Set();
    while (names.size < size) names.add(`${pick(firstNames)} ${pick(lastNames)}`);
    for (const name of names) {
      student += 1;
      block.students.push([student, roster, name, `stu_${student}`, AS_OF]);
      sit(student, roster);
      if (block.students.length === BATCH) yield* written();
    }
  }
  yield* written();
}
