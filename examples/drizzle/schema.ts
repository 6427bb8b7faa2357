// The tables of teacher-dashboard.db for drizzle-orm: sql/schema.sql in TypeScript.
//
// sql/schema.sql is the source; tests/test_drizzle.py and check.ts fail when the two differ.

import { relations, sql } from "drizzle-orm";
import { check, index, integer, primaryKey, real, sqliteTable, text, unique } from "drizzle-orm/sqlite-core";

export const platforms = ["ixl", "lexiacore5", "reflex", "khan_academy"] as const;
export const statuses = ["not_started", "started", "completed"] as const;
export const estimators = ["did", "did_fixed_effects", "ancova"] as const;
export const scopes = ["assignment", "standard", "category"] as const;

/** Scale scores by the id of a reporting category or of a standard: {"1": 5420, "2": 5510}. */
export type ScoresById = Record<string, number>;

export const rosters = sqliteTable("rosters", {
  id: integer("id").primaryKey({ autoIncrement: true }),
  name: text("name").notNull(),
  createdAt: text("created_at").default(sql`CURRENT_TIMESTAMP`),
});

export const students = sqliteTable(
  "students",
  {
    id: integer("id").primaryKey({ autoIncrement: true }),
    rosterId: integer("roster_id").notNull().references(() => rosters.id),
    name: text("name").notNull(),
    externalId: text("external_id"),
    createdAt: text("created_at").default(sql`CURRENT_TIMESTAMP`),
  },
  (table) => [index("students_by_roster").on(table.rosterId)],
);

export const testGroups = sqliteTable("test_groups", {
  id: integer("id").primaryKey({ autoIncrement: true }),
  name: text("name").notNull(),
});

export const tests = sqliteTable(
  "tests",
  {
    id: integer("id").primaryKey({ autoIncrement: true }),
    groupId: integer("group_id").notNull().references(() => testGroups.id),
    sequence: integer("sequence").notNull(),
    name: text("name").notNull(),
    administeredAt: text("administered_at"),
  },
  (table) => [index("tests_by_group").on(table.groupId, table.sequence)],
);

export const reportingCategories = sqliteTable("reporting_categories", {
  id: integer("id").primaryKey({ autoIncrement: true }),
  name: text("name").notNull(),
  description: text("description"),
});

export const standards = sqliteTable(
  "standards",
  {
    id: integer("id").primaryKey({ autoIncrement: true }),
    rcId: integer("rc_id").notNull().references(() => reportingCategories.id),
    domain: text("domain").notNull(),
    subDomain: text("sub_domain"),
    code: text("code").notNull(),
    description: text("description").notNull(),
  },
  (table) => [index("standards_by_category").on(table.rcId)],
);

export const performanceLevels = sqliteTable("performance_levels", {
  id: integer("id").primaryKey({ autoIncrement: true }),
  level: integer("level").notNull().unique(),
  name: text("name").notNull(),
  description: text("description").notNull(),
  minScore: integer("min_score").notNull(),
  maxScore: integer("max_score"),
  color: text("color").notNull(),
});

export const scores = sqliteTable(
  "scores",
  {
    id: integer("id").primaryKey({ autoIncrement: true }),
    studentId: integer("student_id").notNull().references(() => students.id),
    testId: integer("test_id").notNull().references(() => tests.id),
    overallScore: integer("overall_score").notNull(),
    level: integer("level").notNull().references(() => performanceLevels.level),
    rcScores: text("rc_scores", { mode: "json" }).$type<ScoresById>().notNull().default({}),
    stdScores: text("std_scores", { mode: "json" }).$type<ScoresById>().notNull().default({}),
  },
  (table) => [
    unique().on(table.studentId, table.testId),
    index("scores_by_test_and_level").on(table.testId, table.level),
  ],
);

export const assignments = sqliteTable(
  "assignments",
  {
    id: integer("id").primaryKey({ autoIncrement: true }),
    name: text("name").notNull(),
    platform: text("platform", { enum: platforms }).notNull(),
    groupId: integer("group_id").notNull().references(() => testGroups.id),
    rcId: integer("rc_id").references(() => reportingCategories.id),
    createdAfterTestId: integer("created_after_test_id").notNull().references(() => tests.id),
    impactedTestId: integer("impacted_test_id").references(() => tests.id),
    createdAt: text("created_at").default(sql`CURRENT_TIMESTAMP`),
  },
  (table) => [
    check("assignments_platform", sql`${table.platform} IN ('ixl', 'lexiacore5', 'reflex', 'khan_academy')`),
  ],
);

export const assignmentStandards = sqliteTable(
  "assignment_standards",
  {
    assignmentId: integer("assignment_id").notNull().references(() => assignments.id, { onDelete: "cascade" }),
    standardId: integer("standard_id").notNull().references(() => standards.id, { onDelete: "cascade" }),
  },
  (table) => [primaryKey({ columns: [table.assignmentId, table.standardId] })],
);

export const assignmentStudents = sqliteTable(
  "assignment_students",
  {
    assignmentId: integer("assignment_id").notNull().references(() => assignments.id, { onDelete: "cascade" }),
    studentId: integer("student_id").notNull().references(() => students.id, { onDelete: "cascade" }),
    status: text("status", { enum: statuses }).notNull().default("not_started"),
    startedAt: text("started_at"),
    completedAt: text("completed_at"),
  },
  (table) => [
    primaryKey({ columns: [table.assignmentId, table.studentId] }),
    index("assignment_students_by_status").on(table.assignmentId, table.status),
    index("assignment_students_by_student").on(table.studentId),
    check("assignment_students_status", sql`${table.status} IN ('not_started', 'started', 'completed')`),
  ],
);

// The truth, and what an analysis finds of it: an application does not need these three

export const plantedEffects = sqliteTable(
  "planted_effects",
  {
    id: integer("id").primaryKey({ autoIncrement: true }),
    assignmentId: integer("assignment_id").notNull().references(() => assignments.id, { onDelete: "cascade" }),
    standardId: integer("standard_id").notNull().references(() => standards.id, { onDelete: "cascade" }),
    status: text("status", { enum: statuses }).notNull(),
    students: integer("students").notNull(),
    effect: real("effect"),
  },
  (table) => [
    unique().on(table.assignmentId, table.standardId, table.status),
    check("planted_effects_status", sql`${table.status} IN ('not_started', 'started', 'completed')`),
  ],
);

export const impactMeans = sqliteTable(
  "impact_means",
  {
    id: integer("id").primaryKey({ autoIncrement: true }),
    assignmentId: integer("assignment_id").notNull().references(() => assignments.id, { onDelete: "cascade" }),
    standardId: integer("standard_id").references(() => standards.id, { onDelete: "cascade" }),
    treated: integer("treated").notNull(),
    control: integer("control").notNull(),
    treatedBefore: real("treated_before"),
    treatedAfter: real("treated_after"),
    treatedGain: real("treated_gain"),
    controlBefore: real("control_before"),
    controlAfter: real("control_after"),
    controlGain: real("control_gain"),
  },
  (table) => [unique().on(table.assignmentId, table.standardId)],
);

export const impactEstimates = sqliteTable(
  "impact_estimates",
  {
    id: integer("id").primaryKey({ autoIncrement: true }),
    estimator: text("estimator", { enum: estimators }).notNull(),
    scope: text("scope", { enum: scopes }).notNull(),
    assignmentId: integer("assignment_id").references(() => assignments.id, { onDelete: "cascade" }),
    rcId: integer("rc_id").references(() => reportingCategories.id, { onDelete: "cascade" }),
    standardId: integer("standard_id").references(() => standards.id, { onDelete: "cascade" }),
    treated: integer("treated").notNull(),
    control: integer("control").notNull(),
    treatedGain: real("treated_gain"),
    controlGain: real("control_gain"),
    effect: real("effect"),
    standardError: real("standard_error"),
    degreesOfFreedom: real("degrees_of_freedom"),
    t: real("t"),
    p: real("p"),
    low: real("low"),
    high: real("high"),
    planted: real("planted"),
    expectedBias: real("expected_bias"),
    bias: real("bias"),
    covered: integer("covered"),
    surprise: real("surprise"),
  },
  (table) => [
    index("impact_estimates_by_assignment").on(table.assignmentId),
    check("impact_estimates_estimator", sql`${table.estimator} IN ('did', 'did_fixed_effects', 'ancova')`),
    check("impact_estimates_scope", sql`${table.scope} IN ('assignment', 'standard', 'category')`),
    check("impact_estimates_covered", sql`${table.covered} IN (0, 1)`),
  ],
);

// What `db.query` can follow from one table to the next

export const rosterRelations = relations(rosters, ({ many }) => ({ students: many(students) }));

export const studentRelations = relations(students, ({ one, many }) => ({
  roster: one(rosters, { fields: [students.rosterId], references: [rosters.id] }),
  scores: many(scores),
  assignments: many(assignmentStudents),
}));

export const testGroupRelations = relations(testGroups, ({ many }) => ({
  tests: many(tests),
  assignments: many(assignments),
}));

export const testRelations = relations(tests, ({ one, many }) => ({
  group: one(testGroups, { fields: [tests.groupId], references: [testGroups.id] }),
  scores: many(scores),
  assignmentsAfter: many(assignments, { relationName: "createdAfter" }),
  assignmentsImpacting: many(assignments, { relationName: "impacted" }),
}));

export const reportingCategoryRelations = relations(reportingCategories, ({ many }) => ({
  standards: many(standards),
  assignments: many(assignments),
  estimates: many(impactEstimates),
}));

export const standardRelations = relations(standards, ({ one, many }) => ({
  category: one(reportingCategories, { fields: [standards.rcId], references: [reportingCategories.id] }),
  assignments: many(assignmentStandards),
  plantedEffects: many(plantedEffects),
  means: many(impactMeans),
  estimates: many(impactEstimates),
}));

export const performanceLevelRelations = relations(performanceLevels, ({ many }) => ({ scores: many(scores) }));

export const scoreRelations = relations(scores, ({ one }) => ({
  student: one(students, { fields: [scores.studentId], references: [students.id] }),
  test: one(tests, { fields: [scores.testId], references: [tests.id] }),
  performanceLevel: one(performanceLevels, { fields: [scores.level], references: [performanceLevels.level] }),
}));

export const assignmentRelations = relations(assignments, ({ one, many }) => ({
  group: one(testGroups, { fields: [assignments.groupId], references: [testGroups.id] }),
  category: one(reportingCategories, { fields: [assignments.rcId], references: [reportingCategories.id] }),
  createdAfterTest: one(tests, {
    fields: [assignments.createdAfterTestId],
    references: [tests.id],
    relationName: "createdAfter",
  }),
  impactedTest: one(tests, {
    fields: [assignments.impactedTestId],
    references: [tests.id],
    relationName: "impacted",
  }),
  standards: many(assignmentStandards),
  students: many(assignmentStudents),
  plantedEffects: many(plantedEffects),
  means: many(impactMeans),
  estimates: many(impactEstimates),
}));

export const assignmentStandardRelations = relations(assignmentStandards, ({ one }) => ({
  assignment: one(assignments, { fields: [assignmentStandards.assignmentId], references: [assignments.id] }),
  standard: one(standards, { fields: [assignmentStandards.standardId], references: [standards.id] }),
}));

export const assignmentStudentRelations = relations(assignmentStudents, ({ one }) => ({
  assignment: one(assignments, { fields: [assignmentStudents.assignmentId], references: [assignments.id] }),
  student: one(students, { fields: [assignmentStudents.studentId], references: [students.id] }),
}));

export const plantedEffectRelations = relations(plantedEffects, ({ one }) => ({
  assignment: one(assignments, { fields: [plantedEffects.assignmentId], references: [assignments.id] }),
  standard: one(standards, { fields: [plantedEffects.standardId], references: [standards.id] }),
}));

export const impactMeanRelations = relations(impactMeans, ({ one }) => ({
  assignment: one(assignments, { fields: [impactMeans.assignmentId], references: [assignments.id] }),
  standard: one(standards, { fields: [impactMeans.standardId], references: [standards.id] }),
}));

export const impactEstimateRelations = relations(impactEstimates, ({ one }) => ({
  assignment: one(assignments, { fields: [impactEstimates.assignmentId], references: [assignments.id] }),
  category: one(reportingCategories, { fields: [impactEstimates.rcId], references: [reportingCategories.id] }),
  standard: one(standards, { fields: [impactEstimates.standardId], references: [standards.id] }),
}));

// A row as it is read, and a row as it may be inserted

export type Roster = typeof rosters.$inferSelect;
export type NewRoster = typeof rosters.$inferInsert;
export type Student = typeof students.$inferSelect;
export type NewStudent = typeof students.$inferInsert;
export type TestGroup = typeof testGroups.$inferSelect;
export type NewTestGroup = typeof testGroups.$inferInsert;
export type Test = typeof tests.$inferSelect;
export type NewTest = typeof tests.$inferInsert;
export type ReportingCategory = typeof reportingCategories.$inferSelect;
export type NewReportingCategory = typeof reportingCategories.$inferInsert;
export type Standard = typeof standards.$inferSelect;
export type NewStandard = typeof standards.$inferInsert;
export type PerformanceLevel = typeof performanceLevels.$inferSelect;
export type NewPerformanceLevel = typeof performanceLevels.$inferInsert;
export type Score = typeof scores.$inferSelect;
export type NewScore = typeof scores.$inferInsert;
export type Assignment = typeof assignments.$inferSelect;
export type NewAssignment = typeof assignments.$inferInsert;
export type AssignmentStandard = typeof assignmentStandards.$inferSelect;
export type NewAssignmentStandard = typeof assignmentStandards.$inferInsert;
export type AssignmentStudent = typeof assignmentStudents.$inferSelect;
export type NewAssignmentStudent = typeof assignmentStudents.$inferInsert;
export type PlantedEffect = typeof plantedEffects.$inferSelect;
export type NewPlantedEffect = typeof plantedEffects.$inferInsert;
export type ImpactMean = typeof impactMeans.$inferSelect;
export type NewImpactMean = typeof impactMeans.$inferInsert;
export type ImpactEstimate = typeof impactEstimates.$inferSelect;
export type NewImpactEstimate = typeof impactEstimates.$inferInsert;
