import { api, data, useData, type Schemas } from "./client";

/** The impact of an assignment on its standards, as estimated by difference in differences. */
function interval(rows: Schemas["ImpactRow"][], assignment: number): string {
  const found = rows.find(
    ({ assignmentId, scope, estimator }) =>
      assignmentId === assignment && scope === "assignment" && estimator === "did",
  );
  if (!found || found.effect === null || found.low === null || found.high === null) return "too few students";
  return `${found.effect.toFixed(1)} (${found.low.toFixed(1)} to ${found.high.toFixed(1)})`;
}

export function Assignments() {
  const loaded = useData("assignments", () =>
    Promise.all([data(api.GET("/api/assignments.json")), data(api.GET("/api/impact.json"))]),
  );
  if (!loaded) return <p>Loading</p>;
  const [assignments, impact] = loaded;
  return (
    <>
      <h1>Assignments</h1>
      <div className="wide" role="region" aria-label="Table" tabIndex={0}>
        <table>
          <caption>Impact in points, with its 95 % interval</caption>
          <thead>
            <tr>
              <th>Assignment</th>
              <th>Category</th>
              <th>Completed</th>
              <th>Impact</th>
            </tr>
          </thead>
          <tbody>
            {assignments.map(({ id, name, rcName, completed, totalStudents }) => (
              <tr key={id} data-assignment={id}>
                <th scope="row">{name}</th>
                <td>{rcName}</td>
                <td>
                  {completed} of {totalStudents}
                </td>
                <td>{interval(impact, id)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
