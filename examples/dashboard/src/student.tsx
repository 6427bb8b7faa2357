import { useData } from "./client";
import { Level, loadRoster } from "./rosters";

/** A student's tests, from the scores of the roster: a static host has no file for each of its thousands of students. */
export function Student({ roster: rosterId, id }: { roster: number; id: number }) {
  const loaded = useData(`roster ${rosterId}`, () => loadRoster(rosterId));
  if (!loaded) return <p>Loading</p>;
  const { roster, students, scores, levels, categories, tests } = loaded;
  const student = students.find((each) => each.id === id);
  if (!student) throw new Error(`There is no student ${id} in ${roster.name}`);
  return (
    <>
      <h1>{student.name}</h1>
      <p>
        <a href={`#/rosters/${roster.id}`}>{roster.name}</a>
      </p>
      <div className="wide" role="region" aria-label="Table" tabIndex={0}>
        <table>
          <caption>Tests</caption>
          <thead>
            <tr>
              <th>Test</th>
              <th>Score</th>
              <th>Level</th>
              {categories.map((category) => (
                <th key={category.id}>{category.name}</th>
              ))}
            </tr>
          </thead>
          <tbody>
            {tests.map((test) => {
              const score = scores.find(({ studentId, testId }) => studentId === id && testId === test.id);
              return (
                <tr key={test.id}>
                  <th scope="row">{test.name}</th>
                  <td>{score?.overallScore ?? "missed"}</td>
                  <td>{score && <Level level={score.level} levels={levels} />}</td>
                  {categories.map((category) => (
                    <td key={category.id}>{score?.rcScores[category.id]}</td>
                  ))}
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </>
  );
}
