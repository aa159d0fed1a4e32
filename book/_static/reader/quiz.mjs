// A quiz that can be clicked. Without this script it is what the page says: question, four options, folded answer.
import { all, change } from "./store.mjs";

/** The questions of a page: [{title, options: the paragraph, answer: the folded answer, right: letter}]. */
export function questions(article) {
  const heading = [...article.querySelectorAll("h2")].find((h2) => h2.textContent.startsWith("Five-minute quiz"));
  if (!heading) return [];
  return [...heading.parentElement.querySelectorAll("details")].flatMap((answer) => {
    const options = answer.previousElementSibling;
    const title = options?.previousElementSibling;
    const right = answer.querySelector("strong")?.textContent.match(/^\(([a-d])\)$/)?.[1];
    const number = title?.textContent.match(/^(\d+)\./)?.[1];
    return right && number && options.textContent.includes("(a)") ? [{ title, options, answer, right, number }] : [];
  });
}

export function makeClickable(article, page) {
  const found = questions(article);
  for (const { title, options, answer, right, number } of found) {
    const buttons = split(options);
    const said = Object.assign(document.createElement("p"), { className: "quiz-said" });
    said.setAttribute("role", "status");
    const show = (letter) => {
      for (const [key, button] of Object.entries(buttons)) {
        button.setAttribute("aria-pressed", key === letter);
        button.classList.toggle("quiz-right", key === letter && key === right);
        button.classList.toggle("quiz-wrong", key === letter && key !== right);
      }
      said.textContent = letter === right ? `(${letter}) is right.` : `(${letter}) is not right. The answer below says why.`;
    };
    const group = Object.assign(document.createElement("div"), { className: "quiz-options" });
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", `Answers to question ${number}`);
    group.append(...Object.values(buttons));
    options.replaceWith(group);
    group.after(said);
    for (const [letter, button] of Object.entries(buttons)) {
      button.addEventListener("click", () => {
        show(letter);
        answer.open = true;
        change(page, (about) => {
          about.questions = found.length;
          about.quiz[number] = letter;
          about.right = about.right.filter((one) => one !== number).concat(letter === right ? [number] : []);
        });
      });
    }
    const before = all()[page]?.quiz[number];
    if (before) show(before);
    title.id ||= `quiz-${number}`;
  }
  return found.length;
}

/** The paragraph's parts (a) … (d), each in a button, maths and code with it. */
function split(paragraph) {
  const buttons = {};
  let button = null;
  for (const node of [...paragraph.childNodes]) {
    const parts = node.nodeType === Node.TEXT_NODE ? node.data.split(/(?=\([a-d]\)\s)/) : [node];
    for (const part of parts) {
      const letter = typeof part === "string" && part.match(/^\(([a-d])\)\s/)?.[1];
      if (letter) {
        button = Object.assign(document.createElement("button"), { type: "button", className: "quiz-option" });
        buttons[letter] = button;
      }
      button?.append(typeof part === "string" ? part.replace(/\s+/g, " ") : part);
    }
  }
  return buttons;
}
