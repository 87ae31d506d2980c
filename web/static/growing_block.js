// What grows or changes on the page: what has not changed stays as it is, so that
// the focus, a selection and a card's owner survive the words that come after them.

/** Make the children of `shown` equal to those of `fresh`, which loses them. */
export function updateChildren(shown, fresh) {
  const wanted = [...fresh.childNodes];
  for (const [index, node] of wanted.entries()) {
    const old = shown.childNodes[index];
    if (!old) shown.append(node);
    else if (!old.isEqualNode(node)) updateNode(old, node);
  }
  while (shown.childNodes.length > wanted.length) shown.lastChild.remove();
}

function updateNode(old, node) {
  const isSameKind = old.nodeType === Node.ELEMENT_NODE && old.nodeName === node.nodeName;
  if (!isSameKind || old.namespaceURI !== node.namespaceURI) {
    if (old.nodeType === Node.TEXT_NODE && node.nodeType === Node.TEXT_NODE) updateText(old, node.data);
    else old.replaceWith(node);
    return;
  }
  for (const { name } of [...old.attributes]) if (!node.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of node.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  updateChildren(old, node);
}

/** A selection inside the text stays if only its end is new. */
function updateText(old, words) {
  if (words.startsWith(old.data)) old.appendData(words.slice(old.data.length));
  else old.data = words;
}

/** Make these the children; what stays is not moved, for that would take its focus. */
export function showChildren(parent, wanted) {
  for (const child of [...parent.children]) if (!wanted.includes(child)) child.remove();
  for (const [index, child] of wanted.entries()) {
    if (parent.children[index] !== child) parent.insertBefore(child, parent.children[index] ?? null);
  }
}
