// A knob on a static page: the frames were drawn when the page was built; the slider shows one of them.
// Without this script the slider stays hidden and the default frame is seen.
document.addEventListener("DOMContentLoaded", () => {
  for (const knob of document.querySelectorAll(".knob")) {
    const slider = knob.querySelector("input");
    const output = knob.querySelector("output");
    const frames = [...knob.querySelectorAll(".knob-frame")];
    const show = () => {
      frames.forEach((frame, i) => { frame.hidden = i !== slider.valueAsNumber; });
      output.textContent = frames[slider.valueAsNumber].dataset.value;
      slider.setAttribute("aria-valuetext", `${knob.dataset.name} ${output.textContent}`);
    };
    slider.hidden = false;
    slider.addEventListener("input", show);
    show();
  }
});
