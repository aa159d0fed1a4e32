// A reader's own progress: kept in this browser and nowhere else.
const KEY = "convnets-from-scratch/progress";

/** {page: {read: [section ids], sections, quiz: {question: letter}, right: [questions], questions, ticked: [ids], exercises}}; empty if there is none or the browser keeps nothing. */
export function all() {
  try {
    return valid(JSON.parse(localStorage.getItem(KEY)));
  } catch {
    return {};
  }
}

/** Change one page's record and keep it; false where the browser refuses. */
export function change(page, alter) {
  const pages = all();
  pages[page] = { read: [], quiz: {}, right: [], ticked: [], ...pages[page] };
  alter(pages[page]);
  return keep(pages);
}

/** Keep all pages' records; false where the browser refuses. */
export function keep(pages) {
  try {
    localStorage.setItem(KEY, JSON.stringify(pages));
  } catch {
    return false;
  }
  document.dispatchEvent(new Event("progress"));
  return true;
}

/** Whether this browser keeps anything. */
export function works() {
  try {
    localStorage.setItem(`${KEY}?`, "");
    localStorage.removeItem(`${KEY}?`);
    return true;
  } catch {
    return false;
  }
}

/** What of a file or of the storage is a record of progress; throws where nothing is. */
export function valid(pages) {
  if (pages === null) return {};
  if (typeof pages !== "object" || Array.isArray(pages)) throw new Error("it holds no list of pages");
  const ids = (list) => (Array.isArray(list) ? [...new Set(list.filter((id) => typeof id === "string"))] : []);
  const count = (n) => (Number.isInteger(n) && n >= 0 ? n : 0);
  const known = Object.entries(pages).filter(([page, about]) => /^[\w/-]{1,80}$/.test(page) && about && typeof about === "object");
  return Object.fromEntries(known.map(([page, about]) => [page, {
    read: ids(about.read), sections: count(about.sections),
    quiz: Object.fromEntries(Object.entries(about.quiz ?? {}).filter(([, letter]) => /^[a-d]$/.test(letter))),
    right: ids(about.right), questions: count(about.questions),
    ticked: ids(about.ticked), exercises: count(about.exercises),
  }]));
}

/** The name of a page by its address below the site's root: `lectures/04_convnets`. */
export function nameOf(address) {
  const root = new URL(document.documentElement.dataset.content_root ?? "./", location.href);
  return decodeURI(new URL(address, location.href).pathname).replace(decodeURI(root.pathname), "").replace(/\.html$/, "");
}
