// Starts each demo of the page when the reader comes near it.
const nearby = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (isIntersecting) {
      nearby.unobserve(target);
      start(target);
    }
  }
}, { rootMargin: "300px" });

async function start(figure) {
  const stage = figure.querySelector(".demo-stage");
  try {
    const { start } = await import(`./${figure.dataset.demo}.mjs`);
    figure.state = await start(stage); // what the demo shows, in numbers
    figure.dataset.ready = "";
  } catch (error) {
    stage.replaceChildren(Object.assign(document.createElement("p"), {
      className: "demo-note",
      textContent: `This demo could not start in your browser (${error.message}). The text around it holds without it.`,
    }));
    console.warn(error);
  }
}

document.querySelectorAll(".demo").forEach((figure) => nearby.observe(figure));
