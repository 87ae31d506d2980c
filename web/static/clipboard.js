// Puts text into the clipboard, also where a page came over plain HTTP.

/** Resolves once the text is there; throws if the browser lets nobody do it. */
export async function copyText(text) {
  if (navigator.clipboard) {
    try {
      await navigator.clipboard.writeText(text);
      return;
    } catch {
      // Refused by a policy or for want of focus: the old way may still work.
    }
  }
  copyBySelection(text);
}

/** Outside HTTPS and localhost there is no clipboard API, as in most teams' own networks. */
function copyBySelection(text) {
  const focused = document.activeElement;
  const box = document.createElement("textarea");
  box.value = text;
  box.readOnly = true;
  box.className = "visually-hidden";
  // Inside an open dialog: what is outside of it can hold neither focus nor selection.
  (focused?.closest("dialog[open]") ?? document.body).append(box);
  box.select();
  const isCopied = document.execCommand("copy");
  box.remove();
  focused?.focus({ preventScroll: true });
  if (!isCopied) throw new Error("the browser did not copy the text");
}
