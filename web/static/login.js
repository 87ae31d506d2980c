// The login form works without this: here it is kept from being sent twice, or too early.

const form = document.getElementById("login");
const button = form.querySelector("button");

form.addEventListener("submit", () => {
  // After the browser has taken the form's values.
  setTimeout(() => (button.disabled = true));
});

// Back from another page, the form is as it was left.
addEventListener("pageshow", (event) => {
  if (event.persisted) button.disabled = false;
});

const waitSeconds = Number(form.dataset.waitSeconds ?? 0);
if (waitSeconds > 0) {
  button.disabled = true;
  setTimeout(() => (button.disabled = false), waitSeconds * 1000);
}
