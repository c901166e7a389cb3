// What stands behind # is a secret: it is taken out of the address bar at once and sent in the body of one POST.
const form = document.querySelector("form");
const status = form.querySelector("[role=status]");
const secret = location.hash.slice(1);
history.replaceState(null, "", location.pathname);
if (!secret) status.textContent = "This link is not complete: open it as it was given to you.";

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = { [form.dataset.secret]: secret };
  for (const [name, value] of new FormData(form)) if (value) body[name] = value;
  form.querySelector("button").disabled = true;
  status.textContent = "…";
  try {
    const answer = await fetch(form.dataset.action, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    if (answer.ok) {
      status.textContent = form.dataset.done;
      return;
    }
    const problem = await answer.json();
    const fields = (problem.errors ?? []).map((error) => `${error.field}: ${error.message}`);
    status.textContent = fields.join(". ") || problem.detail || problem.title;
  } catch {
    status.textContent = "The server did not answer. Try again.";
  }
  form.querySelector("button").disabled = false;
});
