import { useState } from "react";
import { api, data, useData, type Schemas } from "./client";

export function Rosters() {
  const rosters = useData("rosters", () => data(api.GET("/api/rosters.json")));
  const [search, setSearch] = useState("");
  if (!rosters) return <p>Loading</p>;
  const found = rosters.filter(({ name }) => name.toLowerCase().includes(search.toLowerCase()));
  return (
    <>
      <h1>Classes</h1>
      <label>
        Name <input type="search" value={search} onChange={(event) => setSearch(event.target.value)} />
      </label>
      <p role="status">{found.length} classes</p>
      <ul className="list">
        {found.map(({ id, name }) => (
          <li key={id}>
            <a href={`#/rosters/${id}`}>{name}</a>
          </li>
        ))}
      </ul>
    </>
  );
}

/** A roster with the scores of all its tests, and what their ids mean. */
export async function loadRoster(id: number) {
  const params = { path: { id } };
  const [rosters, listed, scores, levels, categories, tests] = await Promise.all([
    data(api.GET("/api/rosters.json")),
    data(api.GET("/api/rosters/{id}/students.json", { params })),
    data(api.GET("/api/rosters/{id}/scores.json", { params })),
    data(api.GET("/api/performance-levels.json")),
    data(api.GET("/api/reporting-categories.json")),
    data(api.GET("/api/test-groups/{id}/tests.json", { params: { path: { id: 1 } } })),
  ]);
  const roster = rosters.find((each) => each.id === id);
  if (!roster) throw new Error(`There is no class ${id}`);
  return { roster, students: listed.students, scores, levels, categories, tests };
}

export function Level({ level, levels }: { level: number; levels: Schemas["PerformanceLevelsRow"][] }) {
  const found = levels.find((each) => each.level === level);
  return (
    <span className="level" style={{ borderColor: found?.color }}>
      {level} {found?.name}
    </span>
  );
}

export function Roster({ id }: { id: number }) {
  const loaded = useData(`roster ${id}`, () => loadRoster(id));
  const [chosen, setChosen] = useState(1);
  if (!loaded) return <p>Loading</p>;
  const { roster, students, scores, levels, categories, tests } = loaded;
  const names = new Map(students.map((student) => [student.id, student.name]));
  const results = scores.filter(({ testId }) => testId === chosen).sort((a, b) => a.overallScore - b.overallScore);
  return (
    <>
      <h1>{roster.name}</h1>
      <label>
        Test{" "}
        <select value={chosen} onChange={(event) => setChosen(Number(event.target.value))}>
          {tests.map((test) => (
            <option key={test.id} value={test.id}>
              {test.name}, {test.administeredAt}
            </option>
          ))}
        </select>
      </label>
      <table>
        <caption>Levels</caption>
        <tbody>
          {levels.map(({ level }) => {
            const count = results.filter((result) => result.level === level).length;
            return (
              <tr key={level} data-level={level}>
                <th scope="row">
                  <Level level={level} levels={levels} />
                </th>
                <td>{count}</td>
                <td>
                  <meter aria-label={`Share at level ${level}`} value={count} max={results.length || 1} />
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
      <div className="wide" role="region" aria-label="Table" tabIndex={0}>
        <table>
          <caption>Scores, lowest first</caption>
          <thead>
            <tr>
              <th>Student</th>
              <th>Score</th>
              <th>Level</th>
              {categories.map(({ id, name }) => (
                <th key={id}>{name}</th>
              ))}
            </tr>
          </thead>
          <tbody>
            {results.map(({ studentId, overallScore, level, rcScores }) => (
              <tr key={studentId}>
                <th scope="row">
                  <a href={`#/rosters/${roster.id}/${studentId}`}>{names.get(studentId)}</a>
                </th>
                <td>{overallScore}</td>
                <td>
                  <Level level={level} levels={levels} />
                </td>
                {categories.map(({ id }) => (
                  <td key={id}>{rcScores[id]}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
