// Marks what the reader has read, answered and done: on the page, in the sidebar, and on the page `progress`.
import { all, change, keep, nameOf, valid, works } from "./store.mjs";
import { makeClickable } from "./quiz.mjs";

const page = nameOf(location.href);
const article = document.querySelector("article.bd-article");
const CHAPTER = /^(lectures|assignments)\//;

if (article && CHAPTER.test(page)) {
  const questions = makeClickable(article, page);
  const sections = [...article.querySelectorAll("section > h2")].map((heading) => heading.parentElement);
  const exercises = sections.filter((section) => /^Exercise \d/.test(section.querySelector("h2").textContent));
  const counts = { sections: sections.length, questions, exercises: exercises.length };
  if (works()) {
    watchReading(sections, counts);
    for (const section of exercises) addTick(section, counts);
    if (all()[page]) change(page, (about) => Object.assign(about, counts)); // the chapter may have changed since
  }
}

/** A section is read when its end has been on the screen for two seconds. */
function watchReading(sections, counts) {
  const timers = new Map();
  const watcher = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      clearTimeout(timers.get(target));
      if (isIntersecting) timers.set(target, setTimeout(() => read(target), 2000));
    }
  });
  const read = (end) => {
    watcher.unobserve(end);
    change(page, (about) => Object.assign(about, counts, { read: [...about.read, end.parentElement.id] }));
  };
  const before = all()[page]?.read ?? [];
  for (const section of sections.filter(({ id }) => !before.includes(id))) {
    const end = Object.assign(document.createElement("span"), { className: "section-end" });
    section.append(end);
    watcher.observe(end);
  }
}

function addTick(section, counts) {
  const box = Object.assign(document.createElement("input"), { type: "checkbox", checked: (all()[page]?.ticked ?? []).includes(section.id) });
  const label = Object.assign(document.createElement("label"), { className: "exercise-tick" });
  label.append(box, " I have done this exercise");
  box.addEventListener("change", () => change(page, (about) => {
    const others = about.ticked.filter((id) => id !== section.id);
    Object.assign(about, counts, { ticked: box.checked ? [...others, section.id] : others });
  }));
  section.querySelector("h2").after(label);
}

/** What is done of a page, in words, and whether that is all of it. */
function summary(about) {
  const parts = [
    [about.read.length, about.sections, "sections read"],
    [about.right.length, about.questions, "questions right"],
    [about.ticked.length, about.exercises, "exercises done"],
  ].filter(([, all]) => all > 0);
  return { text: parts.map(([n, all, what]) => `${Math.min(n, all)} of ${all} ${what}`).join(", "), whole: parts.length > 0 && parts.every(([n, all]) => n >= all) };
}

function markSidebar() {
  const pages = all();
  for (const link of document.querySelectorAll(".bd-sidebar-primary a.reference.internal")) {
    link.querySelector(".progress-mark")?.remove();
    const about = pages[nameOf(link.href.split("#")[0])];
    if (!about) continue;
    const { text, whole } = summary(about);
    if (!text) continue;
    const mark = Object.assign(document.createElement("span"), { className: "progress-mark", textContent: whole ? " ✓" : " ◐", title: text });
    mark.setAttribute("aria-label", `(${text})`);
    mark.setAttribute("role", "img");
    link.append(mark);
  }
}

const place = document.querySelector("#progress-here");

function fillPage() {
  const pages = all();
  const names = Object.fromEntries([...document.querySelectorAll(".bd-sidebar-primary a.reference.internal")].map((link) => {
    const copy = link.cloneNode(true);
    copy.querySelector(".progress-mark")?.remove();
    return [nameOf(link.href.split("#")[0]), copy.textContent.trim()];
  }));
  const rows = Object.entries(pages).filter(([name, about]) => names[name] && summary(about).text).sort();
  const list = document.createElement("ul");
  for (const [name, about] of rows) {
    const item = document.createElement("li");
    const root = document.documentElement.dataset.content_root ?? "./";
    item.append(Object.assign(document.createElement("a"), { href: `${root}${name}.html`, textContent: names[name] }), `: ${summary(about).text}.`);
    list.append(item);
  }
  const nothing = Object.assign(document.createElement("p"), { textContent: "Nothing yet: open a lecture, and what you read and answer appears here." });
  const said = Object.assign(document.createElement("p"), { className: "quiz-said" });
  said.setAttribute("role", "status");
  const button = (text, act) => {
    const one = Object.assign(document.createElement("button"), { type: "button", className: "progress-button", textContent: text });
    one.addEventListener("click", act);
    return one;
  };
  const file = Object.assign(document.createElement("input"), { type: "file", accept: "application/json,.json", hidden: true });
  file.setAttribute("aria-label", "A file of progress");
  file.addEventListener("change", async () => {
    try {
      const read = valid(JSON.parse(await file.files[0].text()));
      keep({ ...all(), ...read });
      tell(`Read: ${Object.keys(read).length} pages.`);
    } catch (error) {
      tell(`This file holds no progress that this page could read (${error.message}). Nothing was changed; take a file that was saved here.`);
    }
  });
  const save = () => {
    const link = Object.assign(document.createElement("a"), { download: "convnets-progress.json" });
    link.href = URL.createObjectURL(new Blob([JSON.stringify(all(), null, 1)], { type: "application/json" }));
    link.click();
    URL.revokeObjectURL(link.href);
  };
  const clear = () => { if (confirm("Forget all progress that this browser keeps of this book?")) { keep({}); tell("Forgotten."); } };
  const tell = (text) => { place.querySelector("[role=status]").textContent = text; };
  const buttons = Object.assign(document.createElement("p"), { className: "progress-buttons" });
  buttons.append(button("Save to a file", save), button("Read from a file", () => file.click()), button("Forget all", clear), file);
  const before = place.querySelector("[role=status]")?.textContent ?? "";
  place.replaceChildren(rows.length ? list : nothing, buttons, said);
  said.textContent = before;
}

if (works()) {
  markSidebar();
  document.addEventListener("progress", markSidebar);
  if (place) {
    fillPage();
    document.addEventListener("progress", fillPage);
  }
} else if (place) {
  place.replaceChildren(Object.assign(document.createElement("p"), {
    textContent: "Your browser keeps nothing for this site (it may be in private mode, or storage is switched off), so there is no progress to show. Everything else works.",
  }));
}
