/* The floor: the default world through SQLite's C API, with 100 rows in each prepared INSERT.
 *
 *     cc -O2 -o writer writer.c -lsqlite3 -lm
 *     ./writer ROSTERS SEED OUTPUT          (in the project's folder: it reads sql/schema.sql and data/)
 *
 * On: one transaction, no journal, no sync, 64 KiB pages and a cache of 16 MB (with the usual 2 MB the right edges of
 * all indexes do not fit, which doubles the time at 100x), no mutexes; foreign keys are off, as SQLite has them. A
 * batch keeps its rows until there are 100, so that nothing is allocated for a row.
 */

#define _GNU_SOURCE
#include <math.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BATCH = 100, COLUMNS = 8, ROW_TEXT = 1024, CELLS = 100, LINE = 2048 };
enum { MOST_TESTS = 16, MOST_STANDARDS = 64, MOST_CATEGORIES = 16, MOST_ASSIGNMENTS = 16, MOST_DAYS = 1000 };
enum { COMPLETED, STARTED, NOT_STARTED };

static const char *AS_OF = "2025-08-01 00:00:00";
static const char *TITLES[] = {"Mr.", "Mrs.", "Ms.", "Dr."};
static const char *STATUSES[] = {"completed", "started", "not_started"};
static const int GROWTH[][2] = {{40, 80}, {15, 35}, {-15, 15}};
static const struct {
  const char *after, *until;
  int low, high, level; /* rosters as parts of 250; the highest level that is given work */
} WINDOWS[] = {{"PM1", "PM2", 0, 80, 2}, {"PM3", "PM4", 80, 160, 1}, {"PM4", "PM5", 160, 250, 1}};
enum { WINDOW_COUNT = sizeof WINDOWS / sizeof *WINDOWS };

static void fail(const char *what, const char *why) {
  fprintf(stderr, "%s: %s\n", what, why);
  exit(1);
}

/* Random numbers: splitmix64 */

static uint64_t state;

static uint64_t next(void) {
  uint64_t z = (state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static int uniform(int low, int high) {
  return low + (int)(((next() >> 32) * (uint64_t)(high - low + 1)) >> 32);
}

static double unit(void) { return (double)(next() >> 11) / 9007199254740992.0; }

static int clamp(int score) { return score < 5100 ? 5100 : score > 5800 ? 5800 : score; }

/* Reference data: a CSV file as an array of cells; an empty cell is NULL */

typedef struct {
  int rows, columns;
  char *cells[CELLS][COLUMNS];
} Table;

static int cells_of(char *line, char **cells) {
  int count = 0;
  for (;;) {
    char *to = line, *cell = line;
    int quoted = *line == '"';
    for (line += quoted; *line && (quoted || (*line != ',' && *line != '\n')); line++) {
      if (quoted && *line == '"' && *++line != '"') break;
      *to++ = *line;
    }
    int more = *line == ',';
    *to = 0;
    if (count == COLUMNS) fail(cell, "too many columns");
    cells[count++] = *cell ? strdup(cell) : NULL;
    if (!more) return count;
    line++;
  }
}

static void read_table(Table *table, const char *name) {
  char path[64], line[LINE], *header[COLUMNS];
  snprintf(path, sizeof path, "data/%s.csv", name);
  FILE *file = fopen(path, "r");
  if (!file || !fgets(line, sizeof line, file)) fail(path, "cannot be read");
  table->columns = cells_of(line, header);
  for (table->rows = 0; fgets(line, sizeof line, file); table->rows++) {
    if (table->rows == CELLS) fail(path, "too many rows");
    cells_of(line, table->cells[table->rows]);
  }
  fclose(file);
}

static int number(const Table *table, int row, int column) { return atoi(table->cells[row][column]); }

static int find(const Table *table, int column, const char *value) {
  for (int row = 0; row < table->rows; row++)
    if (!strcmp(table->cells[row][column], value)) return row;
  fail(value, "is not in the reference data");
  return -1;
}

/* Writing: rows wait in a batch until there are 100 */

static sqlite3 *database;

static void execute(const char *sql) {
  char *error = NULL;
  if (sqlite3_exec(database, sql, NULL, NULL, &error) != SQLITE_OK) fail(sql, error);
}

typedef struct {
  const char *text; /* NULL for a number, or for no value at all when `length` is -1 */
  int64_t value;
  int length;
} Cell;

typedef struct {
  const char *table;
  int columns, rows, filled, used;
  sqlite3_stmt *full;
  Cell cells[BATCH * COLUMNS];
  char texts[BATCH * ROW_TEXT];
} Batch;

static Batch rosters_rows = {.table = "rosters", .columns = 3};
static Batch students_rows = {.table = "students", .columns = 5};
static Batch scores_rows = {.table = "scores", .columns = 7};
static Batch enrolled_rows = {.table = "assignment_students", .columns = 5};

static sqlite3_stmt *prepare(const Batch *batch, int rows) {
  static char sql[BATCH * (2 * COLUMNS + 3) + 100];
  char *to = sql + sprintf(sql, "INSERT INTO %s VALUES ", batch->table);
  for (int row = 0; row < rows; row++) {
    *to++ = row ? ',' : ' ';
    for (int column = 0; column < batch->columns; column++) to = stpcpy(to, column ? ",?" : "(?");
    to = stpcpy(to, ")");
  }
  sqlite3_stmt *statement;
  if (sqlite3_prepare_v2(database, sql, -1, &statement, NULL) != SQLITE_OK) fail(sql, sqlite3_errmsg(database));
  return statement;
}

static void flush(Batch *batch) {
  if (!batch->rows) return;
  if (batch->rows == BATCH && !batch->full) batch->full = prepare(batch, BATCH);
  sqlite3_stmt *statement = batch->rows == BATCH ? batch->full : prepare(batch, batch->rows);
  for (int index = 0; index < batch->filled; index++) {
    Cell cell = batch->cells[index];
    if (cell.text) sqlite3_bind_text(statement, index + 1, cell.text, cell.length, SQLITE_STATIC);
    else if (cell.length < 0) sqlite3_bind_null(statement, index + 1);
    else sqlite3_bind_int64(statement, index + 1, cell.value);
  }
  if (sqlite3_step(statement) != SQLITE_DONE) fail(batch->table, sqlite3_errmsg(database));
  sqlite3_reset(statement);
  if (statement != batch->full) sqlite3_finalize(statement);
  batch->rows = batch->filled = batch->used = 0;
}

static void add_number(Batch *batch, int64_t value) { batch->cells[batch->filled++] = (Cell){.value = value}; }

/* A text that stays where it is until the batch is written */
static void add_text(Batch *batch, const char *text) {
  batch->cells[batch->filled++] = (Cell){.text = text, .length = text ? (int)strlen(text) : -1};
}

/* Room for a text of this row, and the text once it is there */
static char *room(Batch *batch) { return batch->texts + batch->used; }

static void add_made(Batch *batch, const char *end) {
  int length = (int)(end - room(batch));
  batch->cells[batch->filled++] = (Cell){.text = room(batch), .length = length};
  batch->used += length;
}

static void row_done(Batch *batch) {
  if (++batch->rows == BATCH) flush(batch);
}

static char *write_number(char *to, int value) {
  char digits[12];
  int count = 0;
  do digits[count++] = (char)('0' + value % 10);
  while (value /= 10);
  while (count) *to++ = digits[--count];
  return to;
}

/* {"1":5420,"2":5510}: the keys are made once */
typedef struct {
  int count;
  char keys[MOST_STANDARDS][16];
} Json;

static Json json_of(const Table *table) {
  Json json = {.count = table->rows};
  for (int row = 0; row < table->rows; row++)
    snprintf(json.keys[row], sizeof *json.keys, "%c\"%s\":", row ? ',' : '{', table->cells[row][0]);
  return json;
}

static char *write_json(char *to, const Json *json, const int *scores) {
  for (int index = 0; index < json->count; index++) to = write_number(stpcpy(to, json->keys[index]), scores[index]);
  *to++ = '}';
  return to;
}

/* The world */

static Table levels, groups, tests, categories, standards, interventions, covers, subjects, first_names, last_names;
static Json category_json, standard_json;
static int category_of[MOST_STANDARDS], category_size[MOST_CATEGORIES];
static int after_test[MOST_ASSIGNMENTS], impacts_test[MOST_ASSIGNMENTS];
static int covered[MOST_ASSIGNMENTS][MOST_STANDARDS], covered_count[MOST_ASSIGNMENTS];
static char days[MOST_DAYS][11];
static int first_day;

static int day_of(const char *text) {
  struct tm day = {0};
  if (!strptime(text, "%Y-%m-%d", &day)) fail(text, "is no day");
  return (int)(timegm(&day) / 86400);
}

static void write_table(const char *name, const Table *table) {
  Batch *batch = calloc(1, sizeof *batch);
  batch->table = name, batch->columns = table->columns;
  for (int row = 0; row < table->rows; row++) {
    for (int column = 0; column < table->columns; column++) add_text(batch, table->cells[row][column]);
    row_done(batch);
  }
  flush(batch);
  free(batch);
}

static void write_assignments(void) {
  Batch *batch = calloc(1, sizeof *batch), *pairs = calloc(1, sizeof *pairs);
  batch->table = "assignments", batch->columns = 8;
  pairs->table = "assignment_standards", pairs->columns = 2;
  for (int row = 0; row < interventions.rows; row++) {
    char **cells = interventions.cells[row];
    char **after = tests.cells[after_test[row]];
    for (int column = 0; column < 3; column++) add_text(batch, cells[column]);
    add_text(batch, after[1]);
    add_text(batch, categories.cells[find(&categories, 1, cells[3])][0]);
    add_text(batch, after[0]);
    add_text(batch, tests.cells[impacts_test[row]][0]);
    add_made(batch, stpcpy(stpcpy(room(batch), after[4]), " 00:00:00"));
    row_done(batch);
    for (int index = 0; index < covered_count[row]; index++) {
      add_text(pairs, cells[0]);
      add_text(pairs, standards.cells[covered[row][index]][0]);
      row_done(pairs);
    }
  }
  flush(batch), flush(pairs);
  free(batch), free(pairs);
}

static void read_world(void) {
  read_table(&levels, "performance_levels"), read_table(&groups, "test_groups"), read_table(&tests, "tests");
  read_table(&categories, "reporting_categories"), read_table(&standards, "standards");
  read_table(&interventions, "interventions"), read_table(&covers, "intervention_standards");
  read_table(&subjects, "subjects"), read_table(&first_names, "first_names"), read_table(&last_names, "last_names");
  category_json = json_of(&categories), standard_json = json_of(&standards);
  for (int row = 0; row < standards.rows; row++)
    category_size[category_of[row] = find(&categories, 0, standards.cells[row][1])]++;
  for (int row = 0; row < interventions.rows; row++) {
    after_test[row] = find(&tests, 1 + 2, interventions.cells[row][4]);
    impacts_test[row] = find(&tests, 1 + 2, interventions.cells[row][5]);
  }
  for (int row = 0; row < covers.rows; row++) {
    int assignment = find(&interventions, 1, covers.cells[row][0]);
    covered[assignment][covered_count[assignment]++] = find(&standards, 4, covers.cells[row][1]);
  }
  first_day = day_of(tests.cells[0][4]);
  int last = day_of(tests.cells[tests.rows - 1][4]) - first_day;
  for (int day = 0; day <= last && day < MOST_DAYS; day++) {
    time_t seconds = (time_t)(first_day + day) * 86400;
    strftime(days[day], sizeof *days, "%Y-%m-%d", gmtime(&seconds));
  }
}

static int half_up(int sum, int count) { return (2 * sum + count) / (2 * count); }

static void means(const int *scores, int *by_category, int *overall) {
  int sums[MOST_CATEGORIES] = {0}, total = 0;
  for (int index = 0; index < standards.rows; index++) sums[category_of[index]] += scores[index];
  for (int category = 0; category < categories.rows; category++)
    total += by_category[category] = half_up(sums[category], category_size[category]);
  *overall = half_up(total, categories.rows);
}

/* Give a student work after a test, if it is the time and the place: the statuses of the assignments, or -1 */
static void assign(int64_t student, int roster, int rosters, int test, int level, int *statuses) {
  for (int window = 0; window < WINDOW_COUNT; window++) {
    if (strcmp(WINDOWS[window].after, tests.cells[test][3]) || level > WINDOWS[window].level) continue;
    if (roster <= (int64_t)WINDOWS[window].low * rosters / 250) continue;
    if (roster > (int64_t)WINDOWS[window].high * rosters / 250) continue;
    int begin = day_of(tests.cells[test][4]) - first_day;
    int end = day_of(tests.cells[find(&tests, 3, WINDOWS[window].until)][4]) - first_day;
    for (int assignment = 0; assignment < interventions.rows; assignment++) {
      if (after_test[assignment] != test) continue;
      double share = unit();
      int status = share < 0.60 ? COMPLETED : share < 0.75 ? STARTED : NOT_STARTED;
      int start = uniform(begin, end);
      statuses[assignment] = status;
      add_text(&enrolled_rows, interventions.cells[assignment][0]);
      add_number(&enrolled_rows, student);
      add_text(&enrolled_rows, STATUSES[status]);
      add_text(&enrolled_rows, status == NOT_STARTED ? NULL : days[start]);
      add_text(&enrolled_rows, status == COMPLETED ? days[uniform(start, end)] : NULL);
      row_done(&enrolled_rows);
    }
  }
}

/* Draw a student's year: the scores of all tests, and the assignments between them */
static void sit(int64_t student, int roster, int rosters) {
  int statuses[MOST_ASSIGNMENTS], by_category[MOST_CATEGORIES], scores[MOST_STANDARDS];
  memset(statuses, -1, sizeof statuses);
  double normal = sqrt(-2 * log(1 - unit())) * cos(2 * 3.14159265358979323846 * unit());
  int overall = clamp((int)lround(5440 + 95 * normal));
  for (int index = 0; index < categories.rows; index++) by_category[index] = clamp(overall + uniform(-40, 40));
  for (int index = 0; index < standards.rows; index++)
    scores[index] = clamp(by_category[category_of[index]] + uniform(-25, 25));
  for (int test = 0; test < tests.rows; test++) {
    if (test) {
      int growth[MOST_STANDARDS];
      for (int index = 0; index < standards.rows; index++) growth[index] = -99;
      for (int assignment = 0; assignment < interventions.rows; assignment++) {
        if (impacts_test[assignment] != test || statuses[assignment] < 0) continue;
        const int *range = GROWTH[statuses[assignment]];
        for (int index = 0; index < covered_count[assignment]; index++) {
          int *best = &growth[covered[assignment][index]], moved = uniform(range[0], range[1]);
          if (moved > *best) *best = moved;
        }
      }
      for (int index = 0; index < standards.rows; index++)
        scores[index] = clamp(scores[index] + (growth[index] > -99 ? growth[index] : uniform(-15, 15)));
      means(scores, by_category, &overall);
    }
    int level = levels.rows;
    while (number(&levels, level - 1, 4) > overall) level--;
    level = number(&levels, level - 1, 1);
    add_number(&scores_rows, (student - 1) * tests.rows + test + 1);
    add_number(&scores_rows, student);
    add_number(&scores_rows, test + 1);
    add_number(&scores_rows, overall);
    add_number(&scores_rows, level);
    add_made(&scores_rows, write_json(room(&scores_rows), &category_json, by_category));
    add_made(&scores_rows, write_json(room(&scores_rows), &standard_json, scores));
    row_done(&scores_rows);
    assign(student, roster, rosters, test, level, statuses);
  }
}

static void write_rosters(int rosters) {
  const char *titles[CELLS];
  for (int teacher = 0; teacher < last_names.rows; teacher++) titles[teacher] = TITLES[uniform(0, 3)];
  for (int roster = 0; roster < rosters; roster++) {
    int teacher = roster / subjects.rows % last_names.rows, cycle = roster / (subjects.rows * last_names.rows);
    char *text = room(&rosters_rows), *end;
    end = text + sprintf(text, "%s %s - %s", titles[teacher], last_names.cells[teacher][0],
                         subjects.cells[roster % subjects.rows][0]);
    if (cycle) end += sprintf(end, " %d", cycle + 1);
    add_number(&rosters_rows, roster + 1);
    add_made(&rosters_rows, end);
    add_text(&rosters_rows, AS_OF);
    row_done(&rosters_rows);
  }
  flush(&rosters_rows);
}

static void write_students(int rosters) {
  int64_t student = 0;
  for (int roster = 1; roster <= rosters; roster++) {
    int size = uniform(30, 40), picked[40];
    for (int seat = 0; seat < size; seat++) {
      int taken;
      do {
        taken = 0;
        picked[seat] = uniform(0, first_names.rows * last_names.rows - 1);
        for (int other = 0; other < seat; other++) taken |= picked[other] == picked[seat];
      } while (taken);
      add_number(&students_rows, ++student);
      add_number(&students_rows, roster);
      const char *first = first_names.cells[picked[seat] / last_names.rows][0];
      const char *last = last_names.cells[picked[seat] % last_names.rows][0];
      add_made(&students_rows, stpcpy(stpcpy(stpcpy(room(&students_rows), first), " "), last));
      add_made(&students_rows, room(&students_rows) + sprintf(room(&students_rows), "stu_%lld", (long long)student));
      add_text(&students_rows, AS_OF);
      row_done(&students_rows);
      sit(student, roster, rosters);
    }
  }
  flush(&students_rows), flush(&scores_rows), flush(&enrolled_rows);
}

int main(int argc, char **argv) {
  static char schema[65536];
  if (argc != 4) fail("usage", "writer ROSTERS SEED OUTPUT");
  FILE *file = fopen("sql/schema.sql", "r");
  if (!file || !fread(schema, 1, sizeof schema - 1, file)) fail("sql/schema.sql", "cannot be read");
  fclose(file);
  state = strtoull(argv[2], NULL, 10);
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  if (sqlite3_open_v2(argv[3], &database, flags, NULL) != SQLITE_OK) fail(argv[3], sqlite3_errmsg(database));
  execute("PRAGMA page_size = 65536; PRAGMA cache_size = -16000; PRAGMA secure_delete = OFF");
  execute("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN");
  execute(schema);
  read_world();
  write_table("performance_levels", &levels), write_table("test_groups", &groups), write_table("tests", &tests);
  write_table("reporting_categories", &categories), write_table("standards", &standards);
  write_assignments();
  write_rosters(atoi(argv[1]));
  write_students(atoi(argv[1]));
  execute("COMMIT");
  for (sqlite3_stmt *statement; (statement = sqlite3_next_stmt(database, NULL));) sqlite3_finalize(statement);
  return sqlite3_close(database) == SQLITE_OK ? 0 : 1;
}
