"use strict";
// Renews what has changed and nothing else, so that whoever is at a button with the keyboard stays there.
const main = document.querySelector("main"), state = document.querySelector("#state"), said = document.querySelector("#said");

// Makes `old` what `fresh` is. A form is only ever the same form: no press may do something else than it said.
function become(old, fresh) {
  if (old.nodeName !== fresh.nodeName || old.dataset?.key !== fresh.dataset?.key) {
    old.replaceWith(fresh);
    return;
  }
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  for (const {name} of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const {name, value} of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  const children = [...fresh.childNodes];
  while (old.childNodes.length > children.length) old.lastChild.remove();
  children.forEach((child, place) => (place < old.childNodes.length ? become(old.childNodes[place], child) : old.append(child)));
}

async function renew(all) {
  if (document.hidden && !all) return;
  let answer;
  try { answer = await fetch("part", {credentials: "same-origin"}); } catch { answer = null; }
  document.body.classList.toggle("away", !answer?.ok);
  if (!answer?.ok) {
    state.className = "bad";
    state.textContent = answer ? "The bot does not let this page in; load it again." : "The bot does not answer.";
    return;
  }
  const fresh = document.createElement("template");
  fresh.innerHTML = await answer.text();
  const at = document.activeElement.closest("section")?.id;
  become(state, fresh.content.querySelector("#state"));
  const parts = [...fresh.content.querySelectorAll("section")];
  parts.forEach((part, place) => {
    const old = document.getElementById(part.id);
    if (old) become(old, part);
    else if (place) document.getElementById(parts[place - 1].id).after(part);
    else main.prepend(part);
  });
  for (const part of [...main.children]) if (!parts.some((one) => one.id === part.id)) part.remove();
  // Its button is gone.
  if (at && document.activeElement === document.body) document.querySelector(`#${at} h2`).focus();
}
setInterval(renew, 2000);

main.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target, key = form.dataset.key, part = form.closest("section"), label = form.textContent.trim();
  let answer;
  try { answer = await fetch(form.action, {method: "POST", body: new URLSearchParams(new FormData(form))}); } catch { answer = null; }
  said.textContent = answer?.ok ? `Done: ${label}` : answer ? await answer.text() : "The bot does not answer.";
  await renew(true);
  // The button may have become another one; whoever pressed it by keyboard stays where it was.
  (main.querySelector(`form[data-key="${CSS.escape(key)}"] button`) ?? part.querySelector("h2")).focus();
});
